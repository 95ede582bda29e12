//! Plays the bot platform, so that a callback server can be tried without a tenant: keeps the context and the
//! `BotUserSession`, runs the README's dialogs, calls the server as the platform does, takes its calls, keeps the
//! documented time limits, and misbehaves when asked to. It talks HTTP to any server that speaks BotKit.

mod callbacks;
mod conversation;
mod dev;
mod dialog;
mod event;
pub mod load;
mod mischief;
mod payload;
mod recording;
pub mod replay;
pub mod scenario;
mod stand_in;
mod target;

pub use callbacks::{Callback, Callbacks};
pub use conversation::{Conversation, Start};
pub use dev::{Doors, Mail};
pub use dialog::{End, Entity, Mode, Next, Node, Then, after};
pub use event::{Event, Exchange, Side, Watcher, Who};
pub use mischief::{Mischief, Prank};
pub use recording::{Heard, Live, Recording};
pub use target::{Reply, Target};

use std::time::Duration;

/// The bot that dev mode's examples call for; any id would do.
pub const DEV_BOT: &str = "st-dev";

/// Dev mode's bot that is in conversation mode, whatever the configuration says.
pub const DEV_CONVERSATION_BOT: &str = "st-dev-conversation";

/// How long the platform waits for a Webhook node, or for a message to be handed on.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long it waits for an answer that was put off with a 202, and how long an address for calls to it is good for.
pub const ADDRESSES_LAST: Duration = Duration::from_mins(5);

/// The largest context, in bytes, that the platform keeps.
pub const LARGEST_CONTEXT: usize = 1_024 * 1_024;

/// The longest message, in characters, that the platform takes.
pub const LONGEST_MESSAGE: usize = 3_000;
