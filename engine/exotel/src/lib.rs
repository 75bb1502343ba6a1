//! samvaad-exotel
