//! One-time-password verification for Kore.ai bots: a callback server that speaks BotKit's wire protocol.
//!
//! A request is data that goes forward: bytes, whose credential is checked before the body is read, become a
//! [`dialog::Call`]; the [`service`] reads the clock and loads the session; [`dialog::turn`] gives a new session, an
//! answer and what is to be done, and has done nothing yet; the session is saved by compare-and-swap; only then is
//! the code delivered and the answer given.
//!
//! **A module may use only those above it in this table.**
//!
//! | module | lives there |
//! | --- | --- |
//! | [`telemetry`] | logging, traces, counters and histograms, measuring spans |
//! | [`clock`] | [`clock::Timestamp`], the system's clock and one that can be moved |
//! | [`address`] | e-mail addresses: parse, normalise, mask. Pure |
//! | [`otp`] | every rule on codes: generation, digests, challenge states, attempts, resend, expiry. Pure |
//! | [`botkit`] | Kore's protocol: events, payloads, reply shapes, credentials, error bodies. Pure |
//! | [`dialog`] | the conversation: [`dialog::turn`], understanding what users type, reports, all words said to users (per language), what a channel can show. Pure |
//! | [`store`] | sessions and accounts: a trait; memory, a journal on disk, and Redis behind it |
//! | [`delivery`] | how mails are laid out; providers, their order, retries, whether they know us; dev mode's outbox and faults |
//! | [`platform`] | our calls to the bot platform |
//! | [`proof`] | signed proof that a code was typed |
//! | [`audit`] | what happened, written down and told |
//! | [`service`] | load, turn, save, act. Owns the generator, and work that outlives its request |
//! | [`simulator`] | plays the bot platform: a conversation, its dialogs, the callback addresses |
//! | [`http`] | routes; TLS; who may call, how often and how slowly; the BotKit server behind this one; failures become BotKit's error bodies; dev mode's console and webhook channel |
//! | [`config`] | reads and checks the one configuration, BotKit's own among its files; what is unwise about it |
//! | [`cli`] | commands and wiring |

#![forbid(unsafe_code)]

pub mod address;
pub mod audit;
pub mod botkit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod dialog;
pub mod http;
pub mod otp;
pub mod platform;
pub mod proof;
pub mod service;
pub mod simulator;
pub mod store;
pub mod telemetry;
