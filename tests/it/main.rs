//! What scenarios cannot say: raw bytes, races, a broken store, the program itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod admin;
mod audit;
mod chat;
mod console;
mod conversation;
mod crash;
mod delivery;
mod disk;
mod door;
mod events;
mod health;
mod hooks;
mod metrics;
mod migration;
mod openapi;
mod program;
mod proof;
mod providers;
mod races;
mod record;
mod replay;
mod rest;
mod simulator;
mod smtp;
mod stopping;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod twilio;
mod understanding;
mod wire;
