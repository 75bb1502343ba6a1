//! Checks and converts what `describe` returned.

use ghanti_model::description::{Description, Kind, TemplateUse};

use crate::bindings::{self, types};
use crate::convert::{self, Checked};

/// Checks and converts the result of `describe`. The error says what is wrong with it.
pub(crate) fn read(told: bindings::Description) -> Checked<Description> {
    let languages = convert::list("languages", told.languages)?;
    let languages = languages
        .iter()
        .map(|tag| convert::language("languages", tag))
        .collect::<Checked<Vec<_>>>()?;
    if languages.is_empty() {
        return Err("`languages` is empty: name at least one, such as `en-IN`".to_owned());
    }
    let templates = convert::list("templates", told.templates)?
        .into_iter()
        .map(template_use)
        .collect::<Checked<Vec<_>>>()?;
    for (at, used) in templates.iter().enumerate() {
        if templates
            .iter()
            .skip(at + 1)
            .any(|other| other.name == used.name)
        {
            return Err(format!(
                "`templates` names `{}` twice: name it once, with all its arguments",
                used.name
            ));
        }
    }
    Ok(Description {
        name: convert::text("name", told.name)?,
        version: convert::text("version", told.version)?,
        languages,
        templates,
    })
}

fn template_use(told: types::TemplateUse) -> Checked<TemplateUse> {
    let name = convert::text("templates.name", told.name)?;
    let arguments = convert::list("templates.arguments", told.arguments)?;
    let arguments = arguments.into_iter().map(|(argument, kind)| {
        Ok((
            convert::text("templates.arguments", argument)?,
            read_kind(kind)?,
        ))
    });
    Ok(TemplateUse {
        name,
        arguments: arguments.collect::<Checked<Vec<_>>>()?,
    })
}

fn read_kind(kind: types::Kind) -> Checked<Kind> {
    match kind {
        types::Kind::Text => Ok(Kind::Text),
        types::Kind::Integer => Ok(Kind::Integer),
        types::Kind::Money => Ok(Kind::Money),
        types::Kind::Date => Ok(Kind::Date),
        types::Kind::Time => Ok(Kind::Time),
        types::Kind::Digits => Ok(Kind::Digits),
        types::Kind::Other(name) => Err(format!(
            "this version has no type `{}` of arguments: use one that the contract names",
            convert::shown(&name)
        )),
    }
}
