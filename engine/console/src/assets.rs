//! The files that pages refer to: one style sheet, small scripts, an icon. They are part of the
//! program.

/// A file.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its name in the folder `static`.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub content: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All files.
pub const ASSETS: [Asset; 6] = [
    Asset {
        name: "console.css",
        media_type: "text/css; charset=utf-8",
        content: include_str!("assets/console.css"),
    },
    Asset {
        name: "console.js",
        media_type: SCRIPT,
        content: include_str!("assets/console.js"),
    },
    Asset {
        name: "telephone.js",
        media_type: SCRIPT,
        content: include_str!("assets/telephone.js"),
    },
    Asset {
        name: "telephone-sound.js",
        media_type: SCRIPT,
        content: include_str!("assets/telephone-sound.js"),
    },
    Asset {
        name: "prompts.js",
        media_type: SCRIPT,
        content: include_str!("assets/prompts.js"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        content: include_str!("assets/icon.svg"),
    },
];

/// The file with this name.
pub fn asset(name: &str) -> Option<Asset> {
    ASSETS.into_iter().find(|asset| asset.name == name)
}
