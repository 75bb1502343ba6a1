//! samvaad-server
