//! Checks and converts what `describe` returned.

use ghanti_model::Described;

use crate::bindings;
use crate::convert::{self, Checked};

/// The longest version, in bytes: it is shown in one line with others.
const VERSION_BYTES_MAX: usize = 64;

/// Checks and converts the result of `describe`. The error says what is wrong with it.
pub(crate) fn read(returned: bindings::Description) -> Checked<Described> {
    let version = returned.version.trim();
    if version.is_empty() || version.len() > VERSION_BYTES_MAX || version.contains(char::is_control)
    {
        return Err(format!(
            "`version` is `{}`: give 1 to {VERSION_BYTES_MAX} bytes in one line, such as 1.0.0",
            convert::shown(version).escape_debug()
        ));
    }
    Ok(Described {
        name: convert::slug("name", returned.name)?,
        version: version.to_owned(),
    })
}
