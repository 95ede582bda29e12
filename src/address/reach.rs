//! Which addresses a server can send to.

use super::{Channel, Numbering};

/// Which addresses a server can send to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The channels that have a provider.
    pub channels: Vec<Channel>,
    /// How phone numbers are read, and which are taken.
    pub numbering: Numbering,
}

impl Reach {
    /// Whether a channel has a provider.
    #[must_use]
    pub fn has(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }

    /// How a phone is reached if nobody says how.
    #[must_use]
    pub fn to_phones(&self) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.is_phone() && self.has(*channel))
    }

    /// For codes that the bot sends itself, by whatever means it has.
    #[must_use]
    pub fn of_the_bot(&self) -> Self {
        Self { channels: Channel::ALL.to_vec(), numbering: self.numbering.clone() }
    }
}
