//! Secrets in files: named by a variable `GHANTI_SECTION_KEY_FILE`, as containers' secrets are, or in
//! the folder of systemd's credentials, as `SECTION.KEY` (systemd.exec(5), LoadCredential=).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::read::{NOT_SETTINGS, PREFIX, SECRETS};

/// The suffix of a variable that names a file.
const FILE: &str = "_FILE";
/// The variable with the folder of credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// Maximum length of a secret in bytes: a URL with a password has a few hundred.
const BYTES: u64 = 16 << 10;
/// The sections that have secrets.
const SECTIONS: [&str; 3] = ["server", "stores", "exotel"];

/// Replaces variables that name a file with a secret by variables that hold it, and adds those of
/// systemd's credentials that no variable sets. Returns the variables and all errors, none of which
/// contains a secret.
pub fn with_secret_files(
    variables: impl IntoIterator<Item = (String, String)>,
) -> (Vec<(String, String)>, Vec<String>) {
    let (mut held, mut files, mut credentials) = (Vec::new(), Vec::new(), None);
    for (name, value) in variables {
        match name.strip_suffix(FILE).filter(|setting| is_secret(setting)) {
            Some(setting) => files.push((setting.to_owned(), name, PathBuf::from(value))),
            None => {
                if name == CREDENTIALS {
                    credentials = Some(PathBuf::from(&value));
                }
                held.push((name, value));
            }
        }
    }
    let mut set: BTreeSet<_> = held.iter().map(|(name, _)| name.clone()).collect();
    let mut errors = Vec::new();
    for (setting, variable, file) in files {
        if !set.insert(setting.clone()) {
            errors.push(format!(
                "environment variables `{setting}` and `{variable}` set the same key: remove one"
            ));
            continue;
        }
        match secret(&file) {
            Ok(value) => held.push((setting, value)),
            Err(reason) => errors.push(format!(
                "environment variable `{variable}` names `{}`: {reason}",
                file.display()
            )),
        }
    }
    for (setting, name) in credentials.iter().flat_map(|_| all()) {
        let file = credentials.as_deref().unwrap_or(Path::new("")).join(&name);
        if set.contains(&setting) || !file.exists() {
            continue;
        }
        match secret(&file) {
            Ok(value) => held.push((setting, value)),
            Err(reason) => errors.push(format!("credential `{name}`: {reason}")),
        }
    }
    (held, errors)
}

/// All secrets: the variable that sets each, and the name of its credential.
fn all() -> impl Iterator<Item = (String, String)> {
    SECTIONS.iter().flat_map(|section| {
        SECRETS.iter().map(move |key| {
            let variable = format!("{PREFIX}{section}_{key}").replace('-', "_");
            (variable.to_ascii_uppercase(), format!("{section}.{key}"))
        })
    })
}

fn is_secret(variable: &str) -> bool {
    !NOT_SETTINGS.contains(&variable) && all().any(|(setting, _)| setting == variable)
}

/// Reads a secret. Editors and `echo` end a file with a line break, which is not part of the secret.
pub(super) fn secret(file: &Path) -> Result<String, String> {
    let reported =
        |error: std::io::Error| format!("{error}; name a file that the engine's user can read");
    let length = std::fs::metadata(file).map_err(reported)?.len();
    if length > BYTES {
        return Err(format!(
            "it has more than {} kB: name a file that contains only the secret",
            BYTES >> 10
        ));
    }
    let text = std::fs::read_to_string(file).map_err(reported)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err("it is empty: write the secret into it".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_secret_is_read_from_the_file_that_a_variable_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let path = file.to_str().unwrap();
        for (text, value) in [
            ("secret-1", "secret-1"),
            ("secret-2\n", "secret-2"),
            ("a b\r\n", "a b"),
        ] {
            std::fs::write(&file, text).unwrap();
            let read = with_secret_files(named(&[("GHANTI_SERVER_API_TOKEN_FILE", path)]));
            assert_eq!(
                read,
                (named(&[("GHANTI_SERVER_API_TOKEN", value)]), Vec::new())
            );
        }
        // what is no secret keeps its name
        let others = named(&[
            ("GHANTI_EXOTEL_CA_FILE", "/ca.pem"),
            ("GHANTI_TOOLS", "x"),
            ("A_FILE", "b"),
        ]);
        assert_eq!(with_secret_files(others.clone()), (others, Vec::new()));
    }

    #[test]
    fn an_error_about_a_secret_file_never_contains_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let path = file.to_str().unwrap();
        for (bytes, word) in [
            (&b""[..], "is empty"),
            (b"\n", "is empty"),
            (b"\xffhunter2", "UTF-8"),
            (&[b'x'; 20_000], "more than 16 kB"),
        ] {
            std::fs::write(&file, bytes).unwrap();
            let (_, errors) = with_secret_files(named(&[("GHANTI_STORES_REDIS_URL_FILE", path)]));
            let reported = errors.concat();
            assert!(
                reported.contains(path) && reported.contains(word) && !reported.contains("hunter2"),
                "{reported}"
            );
        }
        let missing = with_secret_files(named(&[("GHANTI_EXOTEL_API_KEY_FILE", "/nowhere")]));
        assert!(
            missing
                .1
                .concat()
                .contains("`GHANTI_EXOTEL_API_KEY_FILE` names `/nowhere`"),
            "{missing:?}"
        );
        std::fs::write(&file, "x").unwrap();
        let twice = named(&[
            ("GHANTI_SERVER_API_TOKEN", "y"),
            ("GHANTI_SERVER_API_TOKEN_FILE", path),
        ]);
        assert!(with_secret_files(twice).1.concat().contains("remove one"));
    }

    #[test]
    fn credentials_of_systemd_are_settings_below_the_variables() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("stores.database-url"), "postgres://a\n").unwrap();
        std::fs::write(folder.path().join("exotel.api-token"), "token").unwrap();
        std::fs::write(folder.path().join("other"), "ignored").unwrap();
        let path = folder.path().to_str().unwrap();
        let given = [
            ("CREDENTIALS_DIRECTORY", path),
            ("GHANTI_EXOTEL_API_TOKEN", "above"),
        ];
        let (variables, errors) = with_secret_files(named(&given));
        let expected = [
            given[0],
            given[1],
            ("GHANTI_STORES_DATABASE_URL", "postgres://a"),
        ];
        assert_eq!((variables, errors), (named(&expected), Vec::new()));
    }
}
