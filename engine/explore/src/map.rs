//! The paths drawn, and written as a page.
