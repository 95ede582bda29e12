//! The events the platform sends, and what each is answered with.

/// An event, named by the last segment of the callback path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The user wrote something; the bot waits for it.
    UserMessage,
    /// The bot says something; the user waits for it.
    BotMessage,
    /// A Webhook node of a dialog runs; its answer goes on with the dialog.
    Webhook,
    /// A dialog hands the user over to a human.
    AgentTransfer,
    /// A dialog or session ended, and the like.
    Event,
    /// An alert is due; the user waits for it.
    Alert,
    /// A variable of the bot changed.
    VariableUpdate,
    /// The user is typing, has read something. In Kore's documentation, in no public BotKit.
    ClientEvent,
}

/// Where the message of an event goes on to. An event that is only acknowledged would swallow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The field of the payload that holds the address.
    pub field: &'static str,
    /// What BotKit calls the address where it complains that it is missing.
    pub spoken: &'static str,
}

/// Where messages to the user go.
pub const TO_USER: Forward = Forward { field: "sendUserMessageUrl", spoken: "send user message url" };

impl Event {
    /// The event called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "on_user_message" => Self::UserMessage,
            "on_bot_message" => Self::BotMessage,
            "on_webhook" => Self::Webhook,
            "on_agent_transfer" => Self::AgentTransfer,
            "on_event" => Self::Event,
            "on_alert" => Self::Alert,
            "on_variable_update" => Self::VariableUpdate,
            "on_client_event" => Self::ClientEvent,
            _ => return None,
        })
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserMessage => "on_user_message",
            Self::BotMessage => "on_bot_message",
            Self::Webhook => "on_webhook",
            Self::AgentTransfer => "on_agent_transfer",
            Self::Event => "on_event",
            Self::Alert => "on_alert",
            Self::VariableUpdate => "on_variable_update",
            Self::ClientEvent => "on_client_event",
        }
    }

    /// Where its message goes on to, if it carries one that somebody waits for.
    #[must_use]
    pub const fn forward(self) -> Option<Forward> {
        match self {
            Self::UserMessage => Some(Forward { field: "sendBotMessageUrl", spoken: "send bot message url" }),
            Self::BotMessage => Some(TO_USER),
            Self::Alert => Some(Forward { field: "sendAlertMessageUrl", spoken: "send alert message url" }),
            Self::Webhook | Self::AgentTransfer | Self::Event | Self::VariableUpdate | Self::ClientEvent => {
                None
            }
        }
    }
}

/// The component and the event in what follows the bot in the path: `components/{component}/{event}`, or `{event}` for
/// the component `default`. `None`: the path leads nowhere.
#[must_use]
pub fn component_and_event(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let Some((components, path)) = rest.split_once('/') else { return Some(("default", rest)) };
    let (component, event) = path.split_once('/')?;
    let known =
        components.eq_ignore_ascii_case("components") && !component.is_empty() && !event.contains('/');
    known.then_some((component, event))
}
