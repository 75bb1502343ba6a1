//! The user's cache folder, which all flows share.

use std::path::PathBuf;

/// `$XDG_CACHE_HOME/ghanti`, else `~/.cache/ghanti` (XDG Base Directory Specification); `None` without
/// either variable.
pub fn folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("ghanti"))
}
