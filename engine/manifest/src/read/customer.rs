//! Parses `[customer]`.

use ghanti_model::values::Kind;

use crate::reader::{Item, Reader};
use crate::{CustomerField, CustomerSchema};

/// The most fields a record may have.
const FIELDS: usize = 64;
/// The longest field name.
const NAME_BYTES: usize = 64;

impl Reader<'_> {
    pub(super) fn customer(&mut self, item: &Item<'_>) -> CustomerSchema {
        let mut schema = CustomerSchema::default();
        self.entries("customer", item, |reader, name, item| {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(is_name) {
                return reader.complain(
                    item.span(),
                    format!("`{name}` is no name of a field: give letters, digits, `-` and `_`"),
                );
            }
            if let Some(field) = reader.customer_field(name, item) {
                schema.fields.insert(name.to_owned(), field);
            }
        });
        if schema.fields.len() > FIELDS {
            self.expect("customer", item, &format!("at most {FIELDS} fields"));
        }
        schema
    }

    fn customer_field(&mut self, name: &str, item: &Item<'_>) -> Option<CustomerField> {
        let (mut kind, mut has_type, mut required, mut from_state) = (None, false, false, None);
        let before = self.errors.len();
        self.section(
            name,
            item,
            &["type", "required", "from-state"],
            |reader, name, item| {
                match name {
                    "type" => {
                        has_type = true;
                        kind = reader.one_of(name, item, &Kind::ALL);
                    }
                    "required" => required = reader.boolean(name, item).unwrap_or_default(),
                    "from-state" => from_state = reader.string(name, item),
                    _ => return false,
                }
                true
            },
        );
        if self.errors.len() > before {
            return None;
        }
        if !has_type {
            let kinds = Kind::ALL.map(|(name, _)| format!("`{name}`")).join(", ");
            self.expect(name, item, &format!("a `type`, one of {kinds}"));
        }
        if from_state.is_some() && kind != Some(Kind::Language) {
            self.expect(
                "from-state",
                item,
                "a `type` of `language` beside it: only a language follows from a state",
            );
        }
        Some(CustomerField {
            kind: kind?,
            required,
            from_state,
        })
    }
}
