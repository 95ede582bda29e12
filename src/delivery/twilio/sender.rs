//! Who a message comes from.

use super::Settings;
use crate::address::Channel;

/// Who a message comes from, and so by which channel it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A number, a short code or a name that sends text messages.
    Number(String),
    /// A messaging service, which picks one.
    Service(String),
    /// A number that sends WhatsApp messages, in the words of a template if there is one.
    WhatsApp { from: String, template: Option<String> },
    /// A number that calls.
    Caller(String),
}

impl Sender {
    /// The sender that the settings name for a channel. The error is the key and what is wrong with it.
    pub(super) fn of(settings: &Settings, channel: Channel) -> Result<Self, (&'static str, String)> {
        let set = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let number = |key, text: &str| match set(text) {
            None => Err((key, "is empty; set it to a number of your Twilio account".to_owned())),
            Some(text) if is_number(&text) => Ok(text),
            Some(_) => Err((key, "is no number; write it like \"+14155550100\"".to_owned())),
        };
        match channel {
            Channel::Email => {
                Err(("account_sid", "is of no use for mail; name another provider there".to_owned()))
            }
            Channel::Sms => match (set(&settings.from), set(&settings.messaging_service_sid)) {
                (Some(_), Some(_)) => {
                    Err(("from", "and messaging_service_sid are both set; keep one of them".to_owned()))
                }
                (None, None) => Err((
                    "from",
                    "is empty; set it to a number of your Twilio account, or set messaging_service_sid"
                        .to_owned(),
                )),
                (Some(from), None) if is_number(&from) || is_short_code(&from) || is_name(&from) => {
                    Ok(Self::Number(from))
                }
                (Some(_), None) => {
                    let fix =
                        "write a number like \"+14155550100\", a short code, or a name of 11 letters at most";
                    Err(("from", format!("is no sender; {fix}")))
                }
                (None, Some(sid)) if is_sid(&sid, "MG") => Ok(Self::Service(sid)),
                (None, Some(_)) => Err((
                    "messaging_service_sid",
                    "is no messaging service's SID: MG and 32 hexadecimal digits".to_owned(),
                )),
            },
            Channel::WhatsApp => {
                let template = set(&settings.whatsapp_content_sid);
                if template.as_ref().is_some_and(|sid| !is_sid(sid, "HX")) {
                    let problem = "is no template's SID: HX and 32 hexadecimal digits".to_owned();
                    return Err(("whatsapp_content_sid", problem));
                }
                Ok(Self::WhatsApp { from: number("whatsapp_from", &settings.whatsapp_from)?, template })
            }
            Channel::Call => Ok(Self::Caller(number("call_from", &settings.call_from)?)),
        }
    }
}

/// Whether a text is the SID of a thing whose SIDs begin with `kind`: 34 characters in all.
pub(super) fn is_sid(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A number of one's own is taken as it is: Twilio's numbers for tests are in no country's plan.
fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_short_code(text: &str) -> bool {
    (3..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An alphanumeric sender: up to 11 letters, digits and spaces, a letter among them.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" +-_&".contains(&byte);
    text.len() <= 11 && text.bytes().all(plain) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}
