//! `serve`: listens, says what to try next, and stops when told to.

use std::net::TcpListener;

use anyhow::{Context as _, Result};
use log::{info, warn};
use secrecy::ExposeSecret as _;

use super::{Parts, assemble};
use crate::botkit::BotId;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Loaded, Severity};
use crate::delivery::Line;
use crate::http::Server;
use crate::telemetry::start_logging;

/// How long the token that dev mode prints is good for, in seconds: a working day and a night.
const DEV_TOKEN: i64 = 24 * 3_600;

/// The bot that dev mode's examples call for; any id would do.
const DEV_BOT: &str = "st-dev";

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn serve(loaded: &Loaded) -> Result<()> {
    let _logging = start_logging(loaded.config.log.format);
    // Requests run on actix' own threads; this one is for what outlives them.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let parts = Parts::of_the_machine(loaded, runtime.handle().clone());
    let generated = parts.generated.clone();
    let server = assemble(loaded, parts)?;
    let bind = loaded.config.server.bind;
    let listener = TcpListener::bind(bind)
        .with_context(|| format!("cannot listen on {bind}; set PORT, or server.bind in the configuration"))?;
    let address = listener.local_addr()?;

    for finding in loaded.findings() {
        match finding.severity {
            Severity::Warning | Severity::Error => warn!("{finding}"),
            Severity::Note => {}
        }
    }
    let files: Vec<_> = loaded.files.iter().map(|file| file.display().to_string()).collect();
    let source = if files.is_empty() { "the defaults".to_owned() } else { files.join(" and ") };
    let url = format!("{}://{address}", if server.tls.is_some() { "https" } else { "http" });
    info!("botkit-otp {} on {url}, configured by {source}", env!("CARGO_PKG_VERSION"));
    if loaded.config.dev.enabled {
        for (provider, key) in [("sendgrid", "delivery.sendgrid.api_key"), ("smtp", "delivery.smtp.url")] {
            if !loaded.is_set("delivery.email") && loaded.is_set(key) {
                info!("dev mode keeps mail in its outbox; set delivery.email = [\"{provider}\"] to send it");
            }
        }
        let credentials = generated.as_ref().filter(|_| !loaded.is_set("bots.default.app_id"));
        let credentials = credentials.map(|(id, secret)| (id.as_str(), secret.expose_secret()));
        print!("{}", welcome(&server, &url, address.port(), credentials));
    }
    runtime.block_on(server.run(listener, told_to_stop()))?;
    info!("stopped");
    Ok(())
}

async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => {
                tokio::select! { _ = interrupted => {}, _ = terminated.recv() => {} }
            }
            Err(error) => {
                warn!("cannot listen for SIGTERM: {error}");
                let _ = interrupted.await;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = interrupted.await;
}

/// What dev mode prints: the credentials, once, and a conversation to paste.
fn welcome(server: &Server, url: &str, port: u16, credentials: Option<(&str, &str)>) -> String {
    let Some(bot) = BotId::parse(DEV_BOT).and_then(|id| server.bots.get(&id)) else {
        return String::new();
    };
    let token = bot.credentials.token_until(SystemClock.now().seconds() + DEV_TOKEN);
    let events = format!("{url}{}/sdk/bots/{DEV_BOT}/components", server.settings.api_prefix);
    let call = |component: &str, entities: &str| {
        format!(
            "curl -s {events}/{component}/on_webhook -H \"token: $TOKEN\" -d '{{\"context\":{{\"entities\":{{{entities}}},\
             \"session\":{{\"BotUserSession\":{{\"conversationSessionId\":\"s-1\"}}}}}}}}'"
        )
    };
    let providers: Vec<_> = server.service.deliveries.email.iter().map(Line::name).collect();
    let mail = match providers[..] {
        [] => "there is no mail; what goes to phones has a copy in".to_owned(),
        ["outbox"] => "mail is not sent, it waits in".to_owned(),
        _ => format!("mail goes out by {}, with a copy in", providers.join(", ")),
    };
    let credentials = credentials.map_or_else(String::new, |(id, secret)| {
        format!(
            "Credentials, new at every start (put them into the bot's JWT app, or your own into botkit-otp.toml):\n  \
             Client ID      {id}\n  Client Secret  {secret}\n\n"
        )
    });
    format!(
        "\nDev mode: {mail} {url}/dev/outbox\n\n{credentials}\
         Try it: paste these into another terminal, one after the other.\n\n\
         TOKEN={token}\n\n\
         # 1. Send a code\n{}\n\n\
         # 2. Read the mail\ncurl -s {url}/dev/outbox\n\n\
         # 3. Type the code (and again: a code works once)\n\
         CODE=$(curl -s {url}/dev/outbox | grep -o '\"code\":\"[^\"]*' | head -n 1 | cut -d '\"' -f 4)\n{}\n\n\
         Behind a tunnel (ngrok http {}) the tunnel's address is the bot's callback URL. Never put a raw tunnel\n\
         (ssh -R, ngrok tcp) or a proxy that hides itself in front: whoever comes that way can read the outbox.\n\n",
        call("OtpSend", "\"UserEmail\":\"mira@example.com\""),
        call("OtpVerify", "\"Otp\":\"'$CODE'\""),
        port,
    )
}
