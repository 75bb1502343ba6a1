//! samvaad-session
