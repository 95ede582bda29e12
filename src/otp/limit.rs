//! The limits by their names.

/// Which limit forbids something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "deploy/config.toml says what each limit does")]
pub enum Limit {
    DestinationHour,
    DestinationDay,
    DestinationFailures,
    UserHour,
    UserDay,
    UserFailures,
    BotHour,
    SmsBot,
    SmsCountry,
    SmsPrefix,
    SmsUnverified,
}

impl Limit {
    /// Its key in the section `[limits]`, which is also its name in metrics.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::DestinationHour => "destination.sends_per_hour",
            Self::DestinationDay => "destination.sends_per_day",
            Self::DestinationFailures => "destination.failures_per_day",
            Self::UserHour => "user.sends_per_hour",
            Self::UserDay => "user.sends_per_day",
            Self::UserFailures => "user.failures_per_day",
            Self::BotHour => "bot.sends_per_hour",
            Self::SmsBot => "sms.per_bot",
            Self::SmsCountry => "sms.per_country",
            Self::SmsPrefix => "sms.per_prefix",
            Self::SmsUnverified => "sms.unverified",
        }
    }
}
