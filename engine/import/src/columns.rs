//! Which column of a list is which field of a customer's record. Pure.
//!
//! A field's column has its name, in any case and punctuation, or one of the names that mean the
//! same; or `--map` names it. Where two columns may be one field, or one column two fields, nothing
//! is chosen: the error says what to write.

mod synonyms;

use std::collections::BTreeMap;
use std::fmt;

use ghanti_model::values::Kind;

use crate::row::Header;
use synonyms::{GROUPS, REMARKS};

/// The most characters of a name that are shown: files choose their headers.
const SHOWN: usize = 64;
/// The longest name of a field, as in manifests.
const NAME_BYTES: usize = 64;
/// The field with the customer's number, which every record has.
pub const PHONE: &str = "phone";

/// A field for which a column is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the record.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Whether a list without it is of no use.
    pub required: bool,
}

impl Field {
    /// The customer's number.
    pub fn phone() -> Self {
        Self {
            name: PHONE.to_owned(),
            kind: Kind::Phone,
            required: true,
        }
    }
}

/// What the user has said of columns: a field and a header, or `#5` for the fifth column.
pub type UserMap = [(String, String)];

/// The columns of a list that are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Each field with its column, from 0, in the order of the columns.
    pub used: Vec<(String, usize)>,
    /// The columns that no field uses.
    pub unused: Vec<usize>,
    /// The fields for which there is no column, none of which is required.
    pub absent: Vec<String>,
}

/// Everything that keeps a list's columns from being used, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct MappingErrors(pub Vec<MappingError>);

/// Why a field has no column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A required field has none.
    #[error(
        "no column is `{field}` ({kind}), which the flow needs: write --map '{field}=HEADER' with one of {there}"
    )]
    Missing {
        /// The field.
        field: String,
        /// Its type.
        kind: Kind,
        /// The columns that there are.
        there: Shown,
    },
    /// Several may be one field.
    #[error("{columns} may each be `{field}`: write --map '{field}={example}' with the right one")]
    Several {
        /// The field.
        field: String,
        /// The columns.
        columns: Shown,
        /// One of them, as `--map` takes it.
        example: String,
    },
    /// One may be several fields.
    #[error(
        "{column} may be each of {}: write --map '{}={example}' for the right one, and --map for the other's column", .fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", "), .fields.first().map_or("", String::as_str)
    )]
    Shared {
        /// The column.
        column: Shown,
        /// The fields.
        fields: Vec<String>,
        /// The column, as `--map` takes it.
        example: String,
    },
    /// `--map` names a column that is not there.
    #[error("--map {field}: there is no column `{wanted}`: the columns are {there}")]
    NoColumn {
        /// The field.
        field: String,
        /// The header that was given.
        wanted: String,
        /// The columns that there are.
        there: Shown,
    },
    /// `--map` names several columns.
    #[error(
        "--map {field}: {columns} have this name: write the right one's number, such as '{field}={example}'"
    )]
    SeveralNamed {
        /// The field.
        field: String,
        /// The columns.
        columns: Shown,
        /// One of them by its number.
        example: String,
    },
    /// `--map` names a field twice.
    #[error("--map {field} is given twice: a field has one column")]
    Twice {
        /// The field.
        field: String,
    },
    /// `--map` names a field that no record can have.
    #[error("--map `{field}`: a field's name has 1 to 64 letters, digits, `-` and `_`")]
    NoField {
        /// What was given.
        field: String,
    },
}

/// Columns as they are shown, with their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(pub Vec<(usize, String)>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (column, name)) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write!(f, "`{}` (#{})", shown(name), column + 1)?;
        }
        Ok(())
    }
}

/// A name from a file as it may be shown: without control characters, and not longer than 64
/// characters.
pub fn shown(name: &str) -> String {
    let mut characters = name.chars().map(|character| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    });
    let mut shown: String = characters.by_ref().take(SHOWN).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

impl Columns {
    /// Finds the columns of fields.
    ///
    /// # Errors
    /// A required field has no column, or a column's meaning is not certain; all of it at once.
    pub fn find(header: &Header, fields: &[Field], map: &UserMap) -> Result<Self, MappingErrors> {
        let (columns, errors) = Self::proposed(header, fields, map);
        if errors.is_empty() {
            Ok(columns)
        } else {
            Err(MappingErrors(errors))
        }
    }

    /// The columns that are certain, and what keeps the others from being so.
    pub fn proposed(header: &Header, fields: &[Field], map: &UserMap) -> (Self, Vec<MappingError>) {
        let names = header.names.get(..header.own_columns()).unwrap_or_default();
        let list = List { names };
        let mut errors = Vec::new();
        let mapped = list.mapped(fields, map, &mut errors);
        let free = |column: &usize| !mapped.values().any(|taken| taken == column);
        let mut found: Vec<(String, usize)> = mapped
            .iter()
            .map(|(field, column)| (field.clone(), *column))
            .collect();
        let mut absent = Vec::new();
        for field in fields
            .iter()
            .filter(|field| !mapped.contains_key(&field.name))
        {
            // a mistake in --map is reported already
            if map
                .iter()
                .any(|(given, _)| plain(given) == plain(&field.name))
            {
                continue;
            }
            let candidates: Vec<_> = list.candidates(field, fields).filter(free).collect();
            match candidates.as_slice() {
                [] if field.required => errors.push(MappingError::Missing {
                    field: field.name.clone(),
                    kind: field.kind,
                    there: list.all(),
                }),
                [] => absent.push(field.name.clone()),
                [column] => found.push((field.name.clone(), *column)),
                [first, ..] => errors.push(MappingError::Several {
                    field: field.name.clone(),
                    example: list.as_mapped(*first),
                    columns: list.shown(&candidates),
                }),
            }
        }
        errors.extend(list.shared(&found, &mapped));
        (Self::of(found, absent, names.len()), errors)
    }

    /// The columns, from 0, that somebody has chosen for fields. Those that are not there, and fields
    /// that are not asked for, are left out.
    ///
    /// # Errors
    /// Required fields have none.
    pub fn chosen(
        header: &Header,
        fields: &[Field],
        chosen: &BTreeMap<String, usize>,
    ) -> Result<Self, MappingErrors> {
        let names = header.names.get(..header.own_columns()).unwrap_or_default();
        let (mut found, mut absent, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for field in fields {
            match chosen
                .get(&field.name)
                .filter(|column| **column < names.len())
            {
                Some(column) => found.push((field.name.clone(), *column)),
                None if field.required => errors.push(MappingError::Missing {
                    field: field.name.clone(),
                    kind: field.kind,
                    there: List { names }.all(),
                }),
                None => absent.push(field.name.clone()),
            }
        }
        if !errors.is_empty() {
            return Err(MappingErrors(errors));
        }
        Ok(Self::of(found, absent, names.len()))
    }

    fn of(mut used: Vec<(String, usize)>, absent: Vec<String>, columns: usize) -> Self {
        used.sort_by_key(|(_, column)| *column);
        let is_unused = |column: &usize| used.iter().all(|(_, used)| used != column);
        Self {
            unused: (0..columns).filter(is_unused).collect(),
            used,
            absent,
        }
    }
}

/// The fields for which columns are looked for: the number, those that a flow declares, each with the
/// field of the state from which it follows, and these states.
pub fn fields_of(declared: &[(Field, Option<&str>)]) -> Vec<Field> {
    let mut fields = vec![Field::phone()];
    let others = declared.iter().filter(|(field, _)| field.name != PHONE);
    fields.extend(others.map(|(field, _)| field.clone()));
    for state in declared.iter().filter_map(|(_, state)| *state) {
        if fields.iter().all(|field| field.name != state) {
            fields.push(Field {
                name: state.to_owned(),
                kind: Kind::Text,
                required: false,
            });
        }
    }
    fields
}

struct List<'h> {
    names: &'h [String],
}

impl List<'_> {
    /// The columns that the user has named.
    fn mapped(
        &self,
        fields: &[Field],
        map: &UserMap,
        errors: &mut Vec<MappingError>,
    ) -> BTreeMap<String, usize> {
        let mut mapped = BTreeMap::new();
        for (given, wanted) in map {
            let declared = fields
                .iter()
                .find(|field| plain(&field.name) == plain(given));
            let field = declared
                .map_or(given.as_str(), |field| field.name.as_str())
                .to_owned();
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if field.is_empty() || field.len() > NAME_BYTES || !field.bytes().all(is_name) {
                errors.push(MappingError::NoField {
                    field: shown(given),
                });
                continue;
            }
            let columns = self.named(wanted);
            match columns.as_slice() {
                [column] => {
                    if mapped.insert(field.clone(), *column).is_some() {
                        errors.push(MappingError::Twice { field });
                    }
                }
                [] => errors.push(MappingError::NoColumn {
                    field,
                    wanted: shown(wanted),
                    there: self.all(),
                }),
                [first, ..] => errors.push(MappingError::SeveralNamed {
                    field,
                    columns: self.shown(&columns),
                    example: format!("#{}", first + 1),
                }),
            }
        }
        mapped
    }

    /// The columns of this name: exactly, else in any case and punctuation, else by number.
    fn named(&self, wanted: &str) -> Vec<usize> {
        let wanted = wanted.trim();
        let exactly = self.which(|name| name == wanted);
        if !exactly.is_empty() {
            return exactly;
        }
        let plainly = self.which(|name| !plain(wanted).is_empty() && plain(name) == plain(wanted));
        let number = wanted
            .strip_prefix('#')
            .and_then(|number| number.parse::<usize>().ok())
            .and_then(|number| number.checked_sub(1))
            .filter(|column| *column < self.names.len());
        match number {
            Some(column) => vec![column],
            None => plainly,
        }
    }

    fn which(&self, is_meant: impl Fn(&str) -> bool) -> Vec<usize> {
        let columns = self.names.iter().enumerate();
        columns
            .filter(|(_, name)| is_meant(name))
            .map(|(column, _)| column)
            .collect()
    }

    /// The columns that may be a field.
    fn candidates(&self, field: &Field, fields: &[Field]) -> impl Iterator<Item = usize> {
        let group = GROUPS.iter().find(|(kind, names)| {
            *kind == field.kind && names.contains(&plain(&field.name).as_str())
        });
        let is_meant = |name: &str| {
            let name = plain(without_remark(name));
            if name.is_empty() {
                return false;
            }
            // a column with the name of another field is that field
            let is_others = || {
                let mut others = fields.iter().filter(|other| other.name != field.name);
                others.any(|other| plain(&other.name) == name)
            };
            name == plain(&field.name)
                || (group.is_some_and(|(_, names)| names.contains(&name.as_str())) && !is_others())
        };
        self.which(is_meant).into_iter()
    }

    /// The columns that were found for several fields, unless the user has named it for each.
    fn shared(
        &self,
        found: &[(String, usize)],
        mapped: &BTreeMap<String, usize>,
    ) -> Vec<MappingError> {
        let of = |column: usize| -> Vec<String> {
            let fields = found.iter().filter(|(_, used)| *used == column);
            fields.map(|(field, _)| field.clone()).collect()
        };
        (0..self.names.len())
            .map(|column| (column, of(column)))
            .filter(|(_, fields)| {
                fields.len() > 1 && !fields.iter().all(|field| mapped.contains_key(field))
            })
            .map(|(column, fields)| MappingError::Shared {
                column: self.shown(&[column]),
                fields,
                example: self.as_mapped(column),
            })
            .collect()
    }

    fn all(&self) -> Shown {
        self.shown(&(0..self.names.len()).collect::<Vec<_>>())
    }

    fn shown(&self, columns: &[usize]) -> Shown {
        let name = |column: usize| self.names.get(column).cloned().unwrap_or_default();
        Shown(
            columns
                .iter()
                .map(|column| (*column, name(*column)))
                .collect(),
        )
    }

    /// A column as `--map` takes it: by its name, if that is its alone and can be typed.
    fn as_mapped(&self, column: usize) -> String {
        let name = self.names.get(column).map_or("", String::as_str);
        let is_plain = !name.is_empty() && shown(name) == name && !name.contains('\'');
        if is_plain && self.named(name) == [column] {
            name.to_owned()
        } else {
            format!("#{}", column + 1)
        }
    }
}

/// A name without differences in case and punctuation.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// `EMI Amount (Rs.)` without the text in brackets, if that has no meaning.
fn without_remark(name: &str) -> &str {
    let inside = name
        .trim_end()
        .strip_suffix([')', ']'])
        .and_then(|rest| rest.rsplit_once(['(', '[']));
    match inside {
        Some((name, remark))
            if remark.trim() == "₹" || REMARKS.contains(&plain(remark).as_str()) =>
        {
            name
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests;
