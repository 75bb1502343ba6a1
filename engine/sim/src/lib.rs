//! samvaad-sim
