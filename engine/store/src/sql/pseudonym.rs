//! What the database has in place of a person who was erased.
//!
//! In place of a number, a keyed hash (HMAC-SHA256). The key is random and is in the same database.
//! So nobody reads the number off a table, a report or a log; who has the whole database can still
//! test a number against it, as the engine does to honour a do-not-call request. In place of a
//! customer's key, which nothing looks for any more, random digits. The ids of a deleted call are
//! kept as such hashes for a while, to know its late reports by.

use ghanti_model::PhoneNumber;
use ghanti_model::chain::hexadecimal;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Pool;

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Begins the hash of a number, so that it is never taken for one.
const MARK: &str = "#";
/// Bytes in place of a customer's key, as many as the key has.
const CUSTOMER_BYTES: usize = 16;

const PUT: &str =
    "INSERT INTO random_keys (name, key) VALUES ('numbers', $1) ON CONFLICT (name) DO NOTHING";
const GET: &str = "SELECT key FROM random_keys WHERE name = 'numbers'";

async fn get(pool: &Pool) -> Result<Option<String>, sqlx::Error> {
    match pool {
        Pool::Sqlite(pools) => sqlx::query_scalar(GET).fetch_optional(&pools.readers).await,
        Pool::Postgres(pool) => sqlx::query_scalar(GET).fetch_optional(pool).await,
    }
}

/// Random bytes, as hexadecimal digits.
fn random<const BYTES: usize>() -> Result<String, sqlx::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| sqlx::Error::Encode(error.to_string().into()))?;
    Ok(hexadecimal(&bytes))
}

/// What replaces a customer's key, in the form of one. It is another one each time: a person who
/// was erased, imported and enrolled again may be erased again.
pub(super) fn of_customer() -> Result<String, sqlx::Error> {
    random::<CUSTOMER_BYTES>()
}

/// Makes pseudonyms of numbers.
pub(super) struct Pseudonyms {
    key: String,
}

impl Pseudonyms {
    /// Reads the key of a database, which is made if there is none.
    pub(super) async fn open(pool: &Pool) -> Result<Self, sqlx::Error> {
        if let Some(key) = get(pool).await? {
            return Ok(Self { key });
        }
        let new = random::<KEY_BYTES>()?;
        match pool {
            Pool::Sqlite(pools) => sqlx::query(PUT)
                .bind(&new)
                .execute(&pools.writer)
                .await
                .map(drop),
            Pool::Postgres(pool) => sqlx::query(PUT).bind(&new).execute(pool).await.map(drop),
        }?;
        // of two nodes that start together, the database let one in
        let key = get(pool).await?.unwrap_or(new);
        Ok(Self { key })
    }

    /// What replaces a number.
    pub(super) fn of_number(&self, phone: &PhoneNumber) -> String {
        format!("{MARK}{}", self.hash(phone.expose()))
    }

    /// What replaces a call's id or CallSid once the call is deleted.
    pub(super) fn of_call(&self, id: &str) -> String {
        self.hash(&format!("call {id}"))
    }

    /// A key for something else that is derived from this one.
    pub(super) fn of_purpose(&self, purpose: &str) -> String {
        self.hash(&format!("key {purpose}"))
    }

    fn hash(&self, text: &str) -> String {
        // HMAC takes keys of any length (RFC 2104)
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()) else {
            return String::new();
        };
        mac.update(text.as_bytes());
        hexadecimal(&mac.finalize().into_bytes())
    }
}
