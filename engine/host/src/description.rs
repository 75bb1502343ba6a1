//! Checks and converts what `describe` returned.

use ghanti_model::Described;

use crate::bindings;
use crate::convert::{self, Checked};

/// Checks and converts the result of `describe`. The error says what is wrong with it.
pub(crate) fn read(returned: bindings::Description) -> Checked<Described> {
    Ok(Described {
        name: convert::text("name", returned.name)?,
        version: convert::text("version", returned.version)?,
    })
}
