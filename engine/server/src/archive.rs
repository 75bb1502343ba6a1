//! A flow as a ZIP archive, as it arrives at the API. The sizes that the archive states are not
//! trusted: every file is unpacked into memory up to the limit for such a file, and nothing is
//! written to disk.

use std::io::{Cursor, Read};

use ghanti_catalogue::{Bundle, NoPlace};
use zip::ZipArchive;
use zip::result::ZipError;

/// Maximum number of folder entries in an archive, in addition to files.
const FOLDERS_MAX: usize = 16;
/// The file type bits of a Unix mode, and their value for a regular file.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// Why an archive is rejected.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("the body is no ZIP archive that can be read: {0}")]
    Unreadable(#[from] ZipError),
    /// It has too many entries.
    #[error("the archive has {0} entries, more than the files of any flow")]
    Entries(usize),
    /// An entry is not a file.
    #[error("`{0}` in the archive is a link or a device")]
    NoFile(String),
    /// A file cannot be unpacked.
    #[error("`{0}` in the archive cannot be unpacked: {1}")]
    Damaged(String, std::io::Error),
    /// A file does not belong to a flow.
    #[error("{}", .0.reason)]
    NoPlace(NoPlace),
}

impl ArchiveError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoPlace(NoPlace { hint, .. }) => hint.clone(),
            Self::NoFile(_) => "send the files themselves".to_owned(),
            Self::Unreadable(_) | Self::Entries(_) | Self::Damaged(..) => {
                "send a ZIP archive of the flow's folder, as `ghanti flow deploy` does".to_owned()
            }
        }
    }
}

/// The files of a flow in an archive.
///
/// # Errors
/// The archive has other entries than a flow's files, or exceeds a limit.
pub fn unpacked(bytes: &[u8]) -> Result<Bundle, ArchiveError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    if archive.len() > Bundle::FILES_MAX + FOLDERS_MAX {
        return Err(ArchiveError::Entries(archive.len()));
    }
    let mut bundle = Bundle::default();
    for index in 0..archive.len() {
        let file = archive.by_index(index)?;
        let path = file.name()?.into_owned();
        if path.ends_with('/') {
            continue;
        }
        let kind = file.unix_mode().unwrap_or_default() & KIND;
        let room = Bundle::room_for(&path).map_err(ArchiveError::NoPlace)?;
        if kind != 0 && kind != REGULAR {
            return Err(ArchiveError::NoFile(path));
        }
        let mut unpacked = Vec::new();
        // one byte more, so that a file that is too large is detected
        file.take(room + 1)
            .read_to_end(&mut unpacked)
            .map_err(|error| ArchiveError::Damaged(path.clone(), error))?;
        bundle.add(&path, unpacked).map_err(ArchiveError::NoPlace)?;
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in files {
            writer
                .start_file(*path, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn an_archive_is_accepted_whole_or_not_at_all() {
        let good = archive(&[("flow.wasm", b"a"), ("prompts/en-IN.ftl", b"b = B")]);
        let bundle = unpacked(&good).unwrap();
        let paths: Vec<_> = bundle.files().map(|(path, _)| path).collect();
        assert_eq!(paths, ["flow.wasm", "prompts/en-IN.ftl"]);

        for path in [
            "../flow.wasm",
            "/etc/flow.toml",
            "prompts/../../../x.ftl",
            "emi/flow.wasm",
            "flow.sh",
        ] {
            let error = unpacked(&archive(&[("flow.wasm", b"a"), (path, b"b")])).unwrap_err();
            assert!(matches!(error, ArchiveError::NoPlace(_)), "{path}: {error}");
            assert!(error.to_string().contains("no file of a flow"), "{error}");
        }
        for length in [0, 10, good.len() / 2, good.len() - 1] {
            let error = unpacked(&good[..length]).unwrap_err();
            assert!(error.hint().contains("ZIP"), "{length}: {error}");
        }
    }

    #[test]
    fn a_file_that_inflates_beyond_the_limit_is_rejected() {
        let zeros = vec![0; 40 << 20];
        let bomb = archive(&[("flow.wasm", &zeros)]);
        assert!(bomb.len() < 100 << 10, "{}", bomb.len());
        let error = unpacked(&bomb).unwrap_err();
        assert!(error.to_string().contains("larger than 32 MiB"), "{error}");
        let many: Vec<_> = (0..9).map(|number| format!("audio/{number}.wav")).collect();
        let many: Vec<_> = many
            .iter()
            .map(|path| (path.as_str(), &zeros[..8 << 20]))
            .collect();
        let error = unpacked(&archive(&many)).unwrap_err();
        assert!(error.to_string().contains("64 MiB together"), "{error}");
        let crowd: Vec<_> = (0..900)
            .map(|number| format!("tests/{number}.toml"))
            .collect();
        let crowd: Vec<_> = crowd.iter().map(|path| (path.as_str(), &b""[..])).collect();
        assert!(matches!(
            unpacked(&archive(&crowd)),
            Err(ArchiveError::Entries(900))
        ));
    }

    #[test]
    fn links_are_not_followed() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer
            .add_symlink("flow.toml", "/etc/passwd", SimpleFileOptions::default())
            .unwrap();
        let linked = writer.finish().unwrap().into_inner();
        let error = unpacked(&linked).unwrap_err();
        assert!(matches!(error, ArchiveError::NoFile(_)), "{error}");
    }
}
