//! What a manifest's rules know of an action: how it is done is the operator's.

/// The rule of an action that a manifest is granted, as the operator defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRule {
    /// Whether it may change something.
    pub acts: bool,
    /// The largest input, in bytes.
    pub input_bytes: u64,
    /// How often one conversation may invoke it.
    pub calls: u32,
    /// Paths of input fields that are not journaled.
    pub redact: Vec<String>,
}

/// For a flow that is tried out without an operator.
impl Default for ActionRule {
    fn default() -> Self {
        Self {
            acts: true,
            input_bytes: 4 << 10,
            calls: 10,
            redact: Vec::new(),
        }
    }
}

/// The most bytes in an action's name, as the contract says.
const NAME_BYTES: usize = 64;

/// An action that a manifest asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedAction {
    /// The operator's name for it.
    pub name: String,
    /// Whether the flow does without it where the operator does not define it: a `?` after the
    /// name.
    pub is_optional: bool,
}

/// Reads what a manifest asks for: a name, with a `?` where it may be missing.
pub(crate) fn grant(text: &str) -> Result<GrantedAction, String> {
    let (bare, is_optional) = match text.strip_suffix('?') {
        Some(bare) => (bare, true),
        None => (text, false),
    };
    let name = name(bare)?;
    Ok(GrantedAction { name, is_optional })
}

/// Reads the name of an action, or says what one is.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let usable = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=NAME_BYTES).contains(&text.len()) && text.bytes().all(usable) {
        Ok(text.to_owned())
    } else {
        Err("give the name of an action: 1 to 64 lower-case letters, digits and hyphens".to_owned())
    }
}
