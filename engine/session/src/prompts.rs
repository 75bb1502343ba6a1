//! The templates of a flow, which the loader builds and the session renders.

use std::collections::BTreeMap;
use std::sync::Arc;

use ghanti_dialog::{PromptLibrary, PromptProblem};
use ghanti_language::{PromptBook, RenderError, Severity, TemplateProblem, TemplateUse as Use};
use ghanti_model::{Language, Template, TemplateUse};
use time::Date;

use crate::files;

/// The templates of one version of a flow.
pub struct FlowPrompts(PromptBook);

impl FlowPrompts {
    /// Renders a template.
    pub fn render(
        &self,
        template: &Template,
        language: &Language,
        today: Date,
    ) -> Result<String, RenderError> {
        self.0.render(template, language, today)
    }

    /// Renders a template without arguments; none if that is not possible, such as when it does not
    /// exist.
    pub fn render_plain(&self, name: &str, language: &Language) -> Option<String> {
        let template = Template {
            name: name.to_owned(),
            arguments: Vec::new(),
        };
        self.0.render(&template, language, Date::MIN).ok()
    }
}

impl PromptLibrary for FlowPrompts {
    fn build(
        prompts: &BTreeMap<Language, String>,
        uses: &[TemplateUse],
    ) -> Result<Self, Vec<PromptProblem>> {
        let one = |problem: &TemplateProblem| PromptProblem {
            line: problem.line,
            reason: problem.to_string(),
        };
        let told = |problems: Vec<TemplateProblem>| problems.iter().map(one).collect::<Vec<_>>();
        let book = PromptBook::parse(prompts).map_err(told)?;
        let uses: Vec<Use> = uses
            .iter()
            .map(|one| Use {
                name: one.name.clone(),
                arguments: one
                    .arguments
                    .iter()
                    .map(|(name, kind)| (name.clone(), kind.as_str().to_owned()))
                    .collect(),
            })
            .collect();
        let (errors, warnings): (Vec<_>, Vec<_>) = book
            .check(&uses)
            .into_iter()
            .partition(|problem| problem.severity == Severity::Error);
        for warning in &warnings {
            tracing::warn!(%warning, "odd prompts");
        }
        if errors.is_empty() {
            Ok(Self(book))
        } else {
            Err(told(errors))
        }
    }

    fn check_audio(audio: &BTreeMap<String, Arc<[u8]>>) -> Vec<PromptProblem> {
        let problem = |(name, wav): (&String, &Arc<[u8]>)| {
            let reason = files::check(name, wav).err()?.to_string();
            Some(PromptProblem { line: None, reason })
        };
        audio.iter().filter_map(problem).collect()
    }
}
