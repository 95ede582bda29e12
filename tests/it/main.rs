//! What scenarios cannot say: raw bytes, races, a broken store, the program itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod conversation;
mod delivery;
mod door;
mod events;
mod health;
mod metrics;
mod migration;
mod program;
mod providers;
mod races;
mod smtp;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod twilio;
mod understanding;
mod wire;
