//! What is allowed and not wise. Each rule stands here once, with the key it is about, what may happen, who says so and
//! what to do.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::{Config, Error, Loaded};
use crate::address::Channel;
use crate::otp::Expose;
use crate::store::Kind;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; changes no exit code.
    Note,
    /// A risk that somebody has to want.
    Warning,
    /// Against what a standard demands, or of no use at all.
    Error,
}

impl Severity {
    /// Its name, as it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is not wise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The key it is about, or the file.
    pub key: Cow<'static, str>,
    /// What is wrong, and what may happen.
    pub risk: Cow<'static, str>,
    /// What to do.
    pub fix: Cow<'static, str>,
    /// Who says so: requirements of OWASP ASVS 5.0, NIST SP 800-63B-4, OWASP's API Security Top 10 of 2023.
    pub standard: &'static [&'static str],
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.risk)?;
        if !self.standard.is_empty() {
            write!(f, " [{}]", self.standard.join(", "))?;
        }
        if self.fix.is_empty() { Ok(()) } else { write!(f, "; {}", self.fix) }
    }
}

/// A configuration that cannot be used is a finding, too.
impl From<&Error> for Finding {
    fn from(error: &Error) -> Self {
        let Error { origin, key, problem } = error;
        Self {
            severity: Severity::Error,
            key: if key.is_empty() { origin.clone() } else { key.clone() }.into(),
            risk: if key.is_empty() { problem.clone() } else { format!("{problem} ({origin})") }.into(),
            fix: "".into(),
            standard: &[],
        }
    }
}

const BRUTE_FORCE: &[&str] = &["NIST SP 800-63B-4 3.2.2", "ASVS 6.6.3"];
const FLOODING: &[&str] = &["OWASP API4:2023", "OWASP API6:2023"];
const NONE: &[&str] = &[];

/// A rule that a fixed text can say: whether it is broken, how much that matters, key, risk, fix, standards.
type Rule = (bool, Severity, &'static str, &'static str, &'static str, &'static [&'static str]);

impl Loaded {
    /// What is not wise, the worst first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let rules = self.code_rules().into_iter().chain(self.limit_rules()).chain(self.server_rules());
        let mut findings: Vec<Finding> = rules
            .filter(|(broken, ..)| *broken)
            .map(|(_, severity, key, risk, fix, standard)| Finding {
                severity,
                key: key.into(),
                risk: risk.into(),
                fix: fix.into(),
                standard,
            })
            .chain(self.bot_findings())
            .chain(self.file_findings())
            .collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    fn code_rules(&self) -> Vec<Rule> {
        use Severity::{Error, Warning};
        let Config { otp, dev, store, proof, .. } = &self.config;
        let weak_lock = u64::from(otp.attempts) * 60 > 6 * otp.lock_for.as_secs();
        vec![
            (
                otp.lifetime > Duration::from_mins(10),
                Error,
                "otp.lifetime",
                "is over 10 minutes: who finds or overhears a code has that long to use it",
                "set it to 10m or less; 5m is the default",
                &["ASVS 6.5.5", "NIST SP 800-63B-4 3.1.3.2"],
            ),
            (
                otp.length < 6,
                Error,
                "otp.length",
                "is under 6: a code has less than 20 bits",
                "set it to 6 or more",
                &["ASVS 6.5.4", "NIST SP 800-63B-4 3.1.3.2"],
            ),
            (
                weak_lock,
                Warning,
                "otp.lock_for",
                "and otp.attempts allow more than 6 guesses a minute for ever",
                "lock longer, or allow fewer",
                BRUTE_FORCE,
            ),
            (
                otp.resend_after < Duration::from_secs(10),
                Warning,
                "otp.resend_after",
                "is under 10 s: a dialog that loops sends a message every round",
                "set it to 30s",
                FLOODING,
            ),
            (
                otp.expose == Expose::Plain,
                Warning,
                "otp.expose",
                "is \"plain\": codes stand in the bot's session, its transcripts and its debug log",
                "use \"reference\", and OtpVerify to check codes",
                &["ASVS 16.2.5"],
            ),
            (
                otp.keys.is_empty() && store.kind == Kind::Memory && !dev.enabled,
                Warning,
                "otp.keys",
                "is empty: a key is made at every start, and codes sent before a restart stop working",
                "set one: openssl rand -base64 32",
                NONE,
            ),
            (
                proof.keys.is_empty() && store.kind != Kind::Disk && !dev.enabled,
                Warning,
                "proof.keys",
                "is empty: a key is made at every start, and services that kept the old one refuse new proofs",
                "set one",
                NONE,
            ),
        ]
    }

    fn limit_rules(&self) -> Vec<Rule> {
        use Severity::{Error, Note, Warning};
        let Config { delivery, limits, dev, .. } = &self.config;
        let caps = &limits.destination;
        let phones = Channel::ALL.into_iter().filter(|channel| channel.is_phone());
        let phones = phones.into_iter().any(|channel| !delivery.providers(channel).is_empty());
        vec![
            (
                caps.failures_per_day == 0,
                Error,
                "limits.destination.failures_per_day",
                "is 0: whoever opens new sessions guesses on, without end",
                "set it to 100 or less; 30 is the default",
                BRUTE_FORCE,
            ),
            (
                caps.sends_per_hour == 0 && caps.sends_per_day == 0,
                Warning,
                "limits.destination",
                "has no limit on sends: whoever opens sessions fills anybody's mailbox",
                "set sends_per_hour and sends_per_day; 10 and 30 are the defaults",
                FLOODING,
            ),
            (
                phones && !limits.sms.enabled,
                Warning,
                "limits.sms.enabled",
                "is off: whoever has codes sent to numbers of their own runs up your bill (SMS pumping)",
                "leave it on, and set its numbers",
                FLOODING,
            ),
            (
                !phones && !dev.enabled,
                Note,
                "delivery.email",
                "is the only way codes go: mail proves an address, and is no out-of-band authenticator",
                "do not let it stand in for a second factor; add delivery.sms, or ask for more before what matters",
                &["NIST SP 800-63B-4 3.1.3.1", "ASVS 6.3.6"],
            ),
            (
                !phones && !delivery.twilio.account_sid.is_empty(),
                Note,
                "delivery.twilio.account_sid",
                "is set, and no channel uses it",
                "set delivery.sms = [\"twilio\"]",
                NONE,
            ),
            (
                delivery.sendgrid.sandbox && !dev.enabled,
                Warning,
                "delivery.sendgrid.sandbox",
                "is on: SendGrid takes every mail and delivers none",
                "switch it off",
                NONE,
            ),
        ]
    }

    fn server_rules(&self) -> Vec<Rule> {
        use Severity::{Note, Warning};
        let Config { server, platform, store, dev, .. } = &self.config;
        let over_http = platform.callback_origins.iter().any(|origin| origin.starts_with("http:"));
        vec![
            (
                dev.enabled,
                Warning,
                "dev.enabled",
                "is on: whoever is on this machine reads codes and moves the clock",
                "take it out in production",
                &["ASVS 13.4.2"],
            ),
            (
                store.kind == Kind::Memory && !dev.enabled,
                Warning,
                "store.kind",
                "is \"memory\": a restart forgets codes, locks and budgets, and a second server knows nothing of them",
                "use \"disk\", or \"redis\" for many servers",
                BRUTE_FORCE,
            ),
            (
                !store.redis_url.expose_secret().is_empty() && store.kind != Kind::Redis,
                Warning,
                "store.redis_url",
                "is set and not used",
                "set store.kind = \"redis\"",
                NONE,
            ),
            (
                store.is_overheard(),
                Warning,
                "store.redis_url",
                "is without TLS and leads to another machine: addresses and the password travel in plain text",
                "let it begin with rediss://, or trust the network",
                &["ASVS 12.3.1"],
            ),
            (
                over_http,
                Warning,
                "platform.callback_origins",
                "has an http:// host: tokens and messages go there in the clear",
                "use https://",
                &["ASVS 12.3.1"],
            ),
            (
                platform.answer_within > Duration::from_secs(12),
                Warning,
                "platform.answer_within",
                "is over 12 s: the platform gives up after 15 to 20 s, a synchronous channel after 15",
                "set it to 6s",
                NONE,
            ),
            (
                !server.bind.ip().is_loopback() && server.tls_cert.as_os_str().is_empty(),
                Note,
                "server.bind",
                "takes plain HTTP from other machines: typed codes pass in the clear",
                "set server.tls_cert and server.tls_key, or let something in front end TLS",
                &["ASVS 12.2.1", "ASVS 12.3.1"],
            ),
        ]
    }

    fn bot_findings(&self) -> impl Iterator<Item = Finding> {
        let finding = |key: String, risk: &'static str, fix: &'static str, standard| Finding {
            severity: Severity::Warning,
            key: key.into(),
            risk: risk.into(),
            fix: fix.into(),
            standard,
        };
        self.config.bots.iter().flat_map(move |(id, bot)| {
            // What a bot takes over from `default` is said once.
            let own = |name: &str| id == "default" || self.is_set(&format!("bots.{id}.{name}"));
            let bare = (bot.accept_api_key_header && own("accept_api_key_header")).then(|| {
                finding(
                    format!("bots.{id}.accept_api_key_header"),
                    "is on: the bare secret travels with every call, where a token would do",
                    "let callers send tokens",
                    &["OWASP API2:2023"],
                )
            });
            let long = (bot.token_lifetime > Duration::from_mins(10) && own("token_lifetime")).then(|| {
                finding(
                    format!("bots.{id}.token_lifetime"),
                    "is over 10 minutes: a token that got out is good for that long",
                    "set it to 60s, and keep the clocks in step",
                    &["OWASP API2:2023"],
                )
            });
            [bare, long].into_iter().flatten()
        })
    }

    fn file_findings(&self) -> impl Iterator<Item = Finding> {
        let ignored = (!self.ignored.is_empty()).then(|| Finding {
            severity: Severity::Warning,
            key: self.files.first().map_or_else(String::new, |file| file.display().to_string()).into(),
            risk: format!("holds what has no counterpart here and is ignored: {}", self.ignored.join(", "))
                .into(),
            fix: "our own settings go into botkit-otp.toml, which lies over it".into(),
            standard: NONE,
        });
        let readable = self.files.iter().filter(|file| {
            let name = file.display().to_string();
            self.layers.has_secret_from(&name) && is_world_readable(file)
        });
        let key = Some(&self.config.server.tls_key).filter(|key| is_world_readable(key));
        let readable = readable.chain(key);
        let readable = readable.map(|file| Finding {
            severity: Severity::Warning,
            key: file.display().to_string().into(),
            risk: "holds secrets, and every user of this machine can read it".into(),
            fix: format!("chmod o-rwx {}", file.display()).into(),
            standard: &["ASVS 13.3.2"],
        });
        ignored.into_iter().chain(readable)
    }
}

#[cfg(unix)]
fn is_world_readable(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_world_readable(_: &std::path::Path) -> bool {
    false
}

#[cfg(test)]
mod tests;
