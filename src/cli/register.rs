//! `register`: tells the platform where a bot's events go, by its public API instead of by hand.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use reqwest::Url;
use serde_json::{Value, json};

use crate::botkit::{AUTH_HEADER, BotId};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Loaded;
use crate::delivery::{describe, http_client};
use crate::platform::is_loopback;

/// How long the platform may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How much of the platform's answer is shown, in characters.
const LONGEST_ANSWER: usize = 500;

/// Which bot's events go where.
#[derive(Debug, Args)]
pub(super) struct Register {
    /// The platform: a host such as bots.kore.ai or platform.kore.ai, or a URL.
    #[arg(long, default_value = "bots.kore.ai")]
    host: String,
    /// The bot, such as st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16.
    #[arg(long, value_name = "ID")]
    bot: String,
    /// Where the platform reaches this server: an https URL, with the prefix if there is one, without /sdk.
    #[arg(long, value_name = "URL")]
    url: String,
    /// What signs the call in, instead of a token made of the bot's own credentials.
    #[arg(long, env = "KORE_API_TOKEN", hide_env_values = true, value_name = "JWT")]
    token: Option<String>,
    /// Do it. Without this, only what would be done is printed.
    #[arg(long)]
    apply: bool,
}

/// Subscribes the callback, or prints what would be sent.
pub(super) fn register(loaded: &Loaded, wanted: &Register) -> Result<()> {
    let id = BotId::parse(&wanted.bot).ok_or_else(|| anyhow!("{:?} is no bot id", wanted.bot))?;
    let bots = loaded.bots(None, &loaded.catalogue()?).context("the bot needs credentials")?;
    let bot = bots.get(&id).ok_or_else(|| anyhow!("the configuration has no bot {id}, and no default"))?;
    let credentials = bot.credentials.as_ref().ok_or_else(|| anyhow!("the bot {id} has no credentials"))?;
    let target = target(&wanted.host, &id)?;
    let callback = callback(&wanted.url)?;
    // Only what is of use: OnMessage puts this server into the path of every message of the bot.
    let mut events = vec!["onHook"];
    if bot.settings.conversation || bot.settings.upstream.is_some() {
        events.push("onMessage");
    }
    if bot.settings.upstream.is_some() {
        events.extend(["onAgentTransfer", "onEvent", "onAlert", "onVariableUpdate"]);
    }
    let body = json!({
        "sdkClientId": credentials.app_id(),
        "sdkHostUri": callback,
        "subscribedFor": events,
        "connectorEnabled": false,
        "PIIMaskingDisabledForAgentTransfer": false,
    });
    println!("PUT {target}\n{AUTH_HEADER}: (hidden)\n{body:#}");
    if !wanted.apply {
        println!("\nNothing was sent. The bot's callback URL and events are replaced by these with --apply.");
        return Ok(());
    }
    let token = wanted.token.clone().unwrap_or_else(|| credentials.token(SystemClock.now()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (status, answer) = runtime.block_on(put(target, &token, &body))?;
    // A server may repeat what it was sent.
    let answer = answer.replace(token.as_str(), "(hidden)");
    let answer: String =
        answer.chars().filter(|character| !character.is_control()).take(LONGEST_ANSWER).collect();
    if !(200..300).contains(&status) {
        let hint = match status {
            401 | 403 => "; does the JWT app have the scope BotKit, and is it of this bot's account?",
            404 => "; is the bot on this host?",
            _ => "",
        };
        bail!("the platform answered {status}{hint} {answer}");
    }
    println!("\n{status} {answer}\nThe bot's {} now go to {callback}/sdk/.", events.join(", "));
    Ok(())
}

/// The API's address. Credentials go there, so that it is over TLS or on this machine.
fn target(host: &str, bot: &BotId) -> Result<Url> {
    let text = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let url = Url::parse(&text).with_context(|| format!("--host {host:?} is no host"))?;
    if url.scheme() != "https" && !is_loopback(&url) {
        bail!("--host must be reached by https://: a token goes there");
    }
    let base = url.as_str().trim_end_matches('/');
    Ok(Url::parse(&format!("{base}/api/public/bot/{bot}/sdkSubscription"))?)
}

/// The callback URL as the platform wants it.
fn callback(text: &str) -> Result<String> {
    let url = Url::parse(text).with_context(|| format!("--url {text:?} is no URL"))?;
    if url.scheme() != "https" {
        bail!("--url must start with https://: typed codes go there");
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        bail!("--url must be a scheme, a host, at most a port and a path");
    }
    let base = url.as_str().trim_end_matches('/');
    if base.ends_with("/sdk") || base.contains("/sdk/") {
        bail!("--url must be without /sdk: the platform adds that itself");
    }
    Ok(base.to_owned())
}

async fn put(target: Url, token: &str, body: &Value) -> Result<(u16, String)> {
    let request = http_client(PATIENCE)?.put(target).header(AUTH_HEADER, token).json(body);
    let reach = |error: reqwest::Error| anyhow!("the platform could not be reached: {}", describe(&error));
    let response = request.send().await.map_err(reach)?;
    let status = response.status().as_u16();
    Ok((status, response.text().await.map_err(reach)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_over_tls_and_callbacks_have_no_sdk_in_them() {
        let bot = BotId::parse("st-1").unwrap();
        let target = |host: &str| target(host, &bot).map(String::from).ok();
        let path = "/api/public/bot/st-1/sdkSubscription";
        assert_eq!(target("bots.kore.ai"), Some(format!("https://bots.kore.ai{path}")));
        assert_eq!(target("https://own.example/kore/"), Some(format!("https://own.example/kore{path}")));
        assert_eq!(target("http://127.0.0.1:1"), Some(format!("http://127.0.0.1:1{path}")));
        assert_eq!(target("http://bots.kore.ai"), None);
        assert_eq!(callback("https://otp.example.com/").unwrap(), "https://otp.example.com");
        assert_eq!(callback("https://otp.example.com/otp").unwrap(), "https://otp.example.com/otp");
        for text in [
            "http://a.example",
            "a.example",
            "https://a.example/sdk",
            "https://a.example/?x",
            "https://u@a.example",
        ] {
            assert!(callback(text).is_err(), "{text}");
        }
    }
}
