//! Which addresses codes can be sent to.

use super::{Error, Loaded};
use crate::address::{Channel, Numbering, Reach};

impl Loaded {
    /// Whether the messages of a channel stay in dev mode's outbox: those of a channel that nobody has set up. Once any
    /// is, a phone is reached only by those that are.
    #[must_use]
    pub fn keeps(&self, channel: Channel) -> bool {
        let is_set = |channel: Channel| self.is_set(&format!("delivery.{}", channel.name()));
        let set_up = if channel.is_phone() { Channel::ALL.into_iter().any(is_set) } else { is_set(channel) };
        self.config.dev.enabled && !set_up
    }

    /// Which addresses codes can be sent to.
    ///
    /// # Errors
    /// No channel has a provider; a country that is none.
    pub fn reach(&self) -> Result<Reach, Error> {
        let delivery = &self.config.delivery;
        let has = |channel: &Channel| self.keeps(*channel) || !delivery.providers(*channel).is_empty();
        let channels: Vec<Channel> = Channel::ALL.into_iter().filter(has).collect();
        if channels.is_empty() {
            let fix = "no code would ever arrive; name at least one provider there, or in delivery.sms";
            return Err(self.error("delivery.email", format!("is empty: {fix}")));
        }
        let numbering = Numbering::new(&delivery.twilio.default_country, &delivery.twilio.countries)
            .map_err(|(key, problem)| self.error(&format!("delivery.twilio.{key}"), problem))?;
        Ok(Reach { channels, numbering })
    }
}
