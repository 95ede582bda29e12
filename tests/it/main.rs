//! What scenarios cannot say: raw bytes, races, a broken store, the program itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod chat;
mod console;
mod conversation;
mod delivery;
mod events;
mod hooks;
mod program;
mod races;
mod replay;
mod simulator;
mod smtp;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod twilio;
mod understanding;
mod wire;
