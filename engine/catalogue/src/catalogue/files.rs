//! The files of a flow as they are in the folder, for whoever changes one of them.

use std::collections::BTreeMap;

use ghanti_host::{Fault, Step};
use ghanti_model::{FlowName, Language, VersionId};

use super::Catalogue;
use crate::bundle::{Bundle, NoPlace};
use crate::scan::{scan, unreadable};
use crate::source::{Parts, Unread};

/// The files of a flow in the folder.
#[derive(Debug, Clone)]
pub struct Files {
    /// The version that they are.
    pub id: VersionId,
    /// The digest of the tests, which are no part of the version.
    pub tests_digest: String,
    parts: Parts,
}

impl Files {
    /// The flow's tests, by file name without the extension.
    pub fn tests(&self) -> &BTreeMap<String, String> {
        &self.parts.tests
    }

    /// The prompt file of a language.
    pub fn prompts(&self, language: &Language) -> Option<&str> {
        self.parts.prompts.get(language).map(String::as_str)
    }

    /// These files with another prompt file of a language that is there.
    ///
    /// # Errors
    /// If it is too large.
    pub fn with_prompts(mut self, language: &Language, text: String) -> Result<Bundle, NoPlace> {
        if let Some(prompts) = self.parts.prompts.get_mut(language) {
            *prompts = text;
        }
        let Parts {
            component,
            manifest,
            prompts,
            audio,
            tests,
        } = self.parts;
        let mut bundle = Bundle::default();
        bundle.add("flow.wasm", component)?;
        if let Some(manifest) = manifest {
            bundle.add("flow.toml", manifest.into_bytes())?;
        }
        for (language, text) in prompts {
            bundle.add(&format!("prompts/{language}.ftl"), text.into_bytes())?;
        }
        for (name, bytes) in audio {
            bundle.add(&format!("audio/{name}.wav"), bytes.to_vec())?;
        }
        for (name, text) in tests {
            bundle.add(&format!("tests/{name}.toml"), text.into_bytes())?;
        }
        Ok(bundle)
    }
}

impl Catalogue {
    /// Reads the files of a flow; `None` if there are none of that name.
    ///
    /// # Errors
    /// If they cannot be read, or change meanwhile.
    pub async fn files(&self, name: &FlowName) -> Result<Option<Files>, Fault> {
        let (folder, flow) = (self.folder().to_owned(), name.clone());
        let place = self
            .loader
            .aside(Step::Read, move || {
                let found = scan(&folder).map_err(|error| unreadable(&folder, &error));
                found.map(|mut scan| scan.places.remove(&flow))
            })
            .await??;
        let Some(place) = place else {
            return Ok(None);
        };
        let source = self
            .loader
            .read(place)
            .await
            .map_err(|unread| match unread {
                Unread::Fault(fault) => fault,
                Unread::Moving => Fault::new(
                    Step::Read,
                    "the files are being changed at this moment".to_owned(),
                    "try again in a moment",
                ),
            })?;
        Ok(Some(Files {
            id: source.id,
            tests_digest: source.tests_digest,
            parts: source.parts,
        }))
    }
}
