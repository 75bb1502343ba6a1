//! The envelope of every list in the API.

use serde::Serialize;
use utoipa::ToSchema;

/// Maximum number of items in a page.
pub const MOST: u32 = 200;
/// Number of items in a page without `limit`.
pub const BY_DEFAULT: u32 = 50;

/// A list, or a page of one.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; null for the last page and for a list without pages.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A page of `limit` items. `items` has one more if there is a next page. `cursor` returns the
    /// cursor of the page after an item.
    pub fn page(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| is_more).map(cursor);
        Self { items, next }
    }

    /// A list without pages.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}
