//! What is said of a section of the configuration, and of its settings.

/// A section of the configuration.
pub(super) struct Section {
    /// The section's name.
    pub(super) name: &'static str,
    /// What the section contains.
    pub(super) sentence: &'static str,
    /// The settings, in the order in which they are printed.
    pub(super) settings: &'static [Setting],
}

/// A setting.
pub(super) struct Setting {
    /// The setting's key.
    pub(super) key: &'static str,
    /// A description for operators.
    pub(super) sentence: &'static str,
    /// An example value, as TOML.
    pub(super) example: &'static str,
}

/// A setting with its description and example.
pub(super) const fn setting(
    key: &'static str,
    sentence: &'static str,
    example: &'static str,
) -> Setting {
    Setting {
        key,
        sentence,
        example,
    }
}
