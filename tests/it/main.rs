//! What scenarios cannot say: raw bytes, races, a broken store, the program itself.

mod delivery;
mod program;
mod races;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod wire;
