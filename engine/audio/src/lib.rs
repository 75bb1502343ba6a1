//! samvaad-audio
