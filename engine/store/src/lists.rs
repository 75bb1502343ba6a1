//! Lists of customers who are to be called.

use std::collections::BTreeMap;
use std::fmt;

use ghanti_model::chain::sha256;
use ghanti_model::{Masked, PhoneNumber};

/// The hexadecimal digits of a key.
const KEY_DIGITS: usize = 32;

/// Names a customer of a list: the first 128 bits of the SHA-256 of the number and the accounts. A
/// person with two loans is two customers, and a list that is imported again updates those it had.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomerKey(String);

/// The text is no key of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a customer's key has 32 hexadecimal digits")]
pub struct NotAKey;

impl CustomerKey {
    /// The key of a number and its accounts, in the order of the fields' names.
    pub fn of<'a>(phone: &PhoneNumber, accounts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = phone.expose().to_owned();
        for account in accounts {
            text.push('\n');
            text.push_str(account);
        }
        let mut hash = sha256(text.as_bytes());
        hash.truncate(KEY_DIGITS);
        Self(hash)
    }

    /// Reads a key.
    ///
    /// # Errors
    /// The text is not 32 hexadecimal digits.
    pub fn parse(text: String) -> Result<Self, NotAKey> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == KEY_DIGITS && text.bytes().all(is_digit) {
            Ok(Self(text))
        } else {
            Err(NotAKey)
        }
    }

    /// Reads a key as the database has it.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The key as 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A customer of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCustomer {
    /// Their key.
    pub key: CustomerKey,
    /// Their number.
    pub phone: PhoneNumber,
    /// Their record, each value in its canonical spelling.
    pub fields: BTreeMap<String, Masked>,
    /// Their line in the file that was imported.
    pub line: u32,
}

/// What became of a customer who was put into a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The list did not have them.
    New,
    /// The list had them with another record, which was replaced.
    Updated,
    /// The list had them with the same record.
    Unchanged,
    /// The same import has them in an earlier line, with the same record.
    Repeats {
        /// That line.
        line: u32,
    },
    /// The same import has them in an earlier line, with another record. The first is kept.
    Contradicts {
        /// That line.
        line: u32,
    },
}

/// A list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerList {
    /// Its name.
    pub name: String,
    /// The flow whose fields its customers have.
    pub flow: String,
    /// When it was begun, in milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: u64,
    /// When it was last written to, likewise.
    pub changed_ms: u64,
    /// How many customers it has.
    pub customers: u64,
}

/// The result of removing a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// It was removed, with this many customers.
    Yes(u64),
    /// There is no such list.
    Unknown,
    /// This campaign uses it.
    InUse(String),
}
