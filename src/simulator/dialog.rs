//! The README's dialogs: which node follows which, by what `context.otp` says. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the dialog is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Webhook nodes: `OtpSend` and `OtpVerify`, with an entity in front of each.
    #[default]
    Webhook,
    /// Conversation mode: `OtpStart` and `OtpVerify`; the server hears every message.
    Conversation,
}

/// A Webhook node of the dialogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the README says what each does")]
pub enum Node {
    OtpStart,
    OtpSend,
    OtpVerify,
    OtpCancel,
}

impl Node {
    /// Its name in the builder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtpStart => "OtpStart",
            Self::OtpSend => "OtpSend",
            Self::OtpVerify => "OtpVerify",
            Self::OtpCancel => "OtpCancel",
        }
    }
}

/// An entity that the user fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entity {
    /// Where the code goes.
    UserEmail,
    /// The code.
    Otp,
}

impl Entity {
    /// Its name in the builder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserEmail => "UserEmail",
            Self::Otp => "Otp",
        }
    }
}

/// What a dialog does after a Webhook node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Whether a Message node says `{{context.otp.message}}` on the way.
    pub says: bool,
    /// Where it goes.
    pub then: Then,
}

/// Where a dialog goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// An entity is emptied, and asked for.
    Ask(Entity),
    /// A Webhook node runs.
    Run(Node),
    /// The dialog is over.
    Done(End),
}

/// How a dialog is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The user is verified; the bot goes on with its task.
    GoesOn,
    /// Nothing follows.
    Ends,
    /// A human takes over.
    Agent,
}

/// The connection rules of `node`, as the README's tables have them.
#[must_use]
#[expect(clippy::match_same_arms, reason = "an arm is a row of the README's tables, in its order")]
pub fn after(mode: Mode, node: Node, otp: &Value) -> Next {
    let text = |field: &str| otp[field].as_str().unwrap_or_default();
    let live = !otp["attemptsLeft"].is_null();
    let silent = |then| Next { says: false, then };
    let says = |then| Next { says: true, then };
    let (email, code) = (Then::Ask(Entity::UserEmail), Then::Ask(Entity::Otp));
    match (mode, node, text("status")) {
        (Mode::Webhook, Node::OtpSend, "sent" | "queued") => silent(code),
        (Mode::Webhook, Node::OtpSend, "cooldown" | "limit_reached") if live => silent(code),
        (Mode::Webhook, Node::OtpSend, "invalid_destination" | "undeliverable") => says(email),

        (_, Node::OtpVerify, "verified") => says(Then::Done(End::GoesOn)),
        (Mode::Webhook, Node::OtpVerify, "unrecognized") => match text("intent") {
            "resend" => silent(Then::Run(Node::OtpSend)),
            "change_address" | "address" => silent(email),
            "cancel" => silent(Then::Run(Node::OtpCancel)),
            _ => silent(code),
        },
        (Mode::Webhook, Node::OtpVerify, "incorrect" | "superseded" | "cooldown") => silent(code),
        (Mode::Webhook, Node::OtpVerify, "expired" | "no_challenge" | "send_failed") => {
            says(Then::Run(Node::OtpSend))
        }
        (Mode::Webhook, Node::OtpVerify, "undeliverable") => says(email),

        (
            Mode::Conversation,
            Node::OtpStart,
            "misconfigured" | "unavailable" | "locked" | "limit_reached" | "redacted_input",
        ) => says(Then::Done(End::Ends)),
        (Mode::Conversation, Node::OtpStart, "cooldown") if !live => says(Then::Done(End::Ends)),
        (Mode::Conversation, Node::OtpStart, _) => silent(code),
        (Mode::Conversation, Node::OtpVerify, _) if text("intent") == "cancel" => {
            silent(Then::Done(End::Ends))
        }
        (Mode::Conversation, Node::OtpVerify, _) if text("intent") == "agent" => {
            silent(Then::Done(End::Agent))
        }
        (
            Mode::Conversation,
            Node::OtpVerify,
            "incorrect" | "superseded" | "unrecognized" | "cooldown" | "undeliverable" | "send_failed",
        ) => silent(code),
        (Mode::Conversation, Node::OtpVerify, "expired" | "no_challenge" | "cancelled") => {
            silent(Then::Run(Node::OtpStart))
        }
        (
            Mode::Webhook | Mode::Conversation,
            Node::OtpStart | Node::OtpSend | Node::OtpVerify | Node::OtpCancel,
            _,
        ) => says(Then::Done(End::Ends)),
    }
}

#[cfg(test)]
mod tests;
