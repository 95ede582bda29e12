//! `admin`: an operator's look at a running server, and word with it.

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::delivery::{describe, http_client};
use crate::platform::is_loopback;

/// How long a server may take to look through its sessions.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct Admin {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List the codes that are out, and locks; masked, and without the codes.
    Codes(Whose),
    /// Revoke codes that are out.
    Revoke(Whose),
    /// End locks; with --address also all that was counted there, sends and wrong codes.
    Unlock(Whose),
}

#[derive(Debug, Args)]
struct Whose {
    /// The server, such as <http://127.0.0.1:8003>.
    #[arg(long, value_name = "URL")]
    url: String,
    /// A key of [admin].
    #[arg(long, value_name = "SECRET", env = "BOTKIT_ADMIN_KEY", hide_env_values = true)]
    key: SecretString,
    #[command(flatten)]
    which: Which,
    /// The bot that the session is of.
    #[arg(long, value_name = "ID", requires = "session")]
    bot: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// A session, with --bot.
    #[arg(long, value_name = "ID", requires = "bot")]
    session: Option<String>,
    /// An e-mail address or phone number.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// A challenge, by its id in reports and logs.
    #[arg(long, value_name = "ID")]
    challenge: Option<String>,
}

impl Whose {
    fn fields(&self) -> Vec<(&'static str, &str)> {
        let Which { session, address, challenge } = &self.which;
        let fields =
            [("bot", &self.bot), ("session", session), ("address", address), ("challenge", challenge)];
        fields.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

/// Asks the server, and tells what it says.
pub(super) fn run(admin: &Admin) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let http = http_client(PATIENCE)?;
    let (Act::Codes(whose) | Act::Revoke(whose) | Act::Unlock(whose)) = &admin.act;
    let base = whose.url.trim_end_matches('/');
    let url = url::Url::parse(base).context("--url is no URL")?;
    if url.scheme() != "https" && !is_loopback(&url) {
        bail!("--url must start with https://: the key goes there");
    }
    let fields: serde_json::Map<String, Value> =
        whose.fields().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let request = match &admin.act {
        Act::Codes(_) => http.post(format!("{base}/admin/codes")).json(&fields),
        Act::Revoke(_) => http.post(format!("{base}/admin/revoke")).json(&fields),
        Act::Unlock(_) => http.post(format!("{base}/admin/unlock")).json(&fields),
    };
    let answer: Result<(u16, Value)> = runtime.block_on(async {
        let response = request.bearer_auth(whose.key.expose_secret()).send().await;
        let response = response.map_err(|error| anyhow!("{base}: {}", describe(&error)))?;
        let status = response.status().as_u16();
        Ok((status, response.json().await.unwrap_or_default()))
    });
    match answer? {
        (200, body) => print!("{}", told(&admin.act, &body)),
        (401, _) => {
            bail!("the server does not know this key; [admin] in its configuration names those it does")
        }
        (404, _) => bail!("{base} has no such door: [admin] in its configuration has no keys"),
        (status, body) => {
            bail!("{status}: {}", body["errors"][0]["msg"].as_str().unwrap_or("the server says no more"))
        }
    }
    Ok(())
}

fn told(act: &Act, body: &Value) -> String {
    match act {
        Act::Codes(_) => {
            let codes = body["codes"].as_array().map_or(&[][..], Vec::as_slice);
            if codes.is_empty() {
                return "no code is out there, and nothing is locked\n".to_owned();
            }
            let more = if body["more"] == true { "and more\n" } else { "" };
            codes.iter().map(line).chain([more.to_owned()]).collect()
        }
        Act::Revoke(_) => format!("revoked: {}\n", body["revoked"]),
        Act::Unlock(_) => format!("unlocked: {}\n", body["unlocked"]),
    }
}

fn line(code: &Value) -> String {
    let text = |name: &str| code[name].as_str().unwrap_or("-").to_owned();
    format!(
        "{}  {} {} until {}  {} tries and {} sends left  bot={} session={}{}\n",
        text("challengeId"),
        text("to"),
        text("status"),
        text("until"),
        code["attemptsLeft"],
        code["sendsLeft"],
        text("bot"),
        text("session"),
        code["purpose"].as_str().map(|purpose| format!(" purpose={purpose}")).unwrap_or_default()
    )
}
