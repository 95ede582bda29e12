//! `serve`: listens, says what to try next, and stops when told to.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use log::{info, warn};
use secrecy::ExposeSecret;

use super::{Parts, assemble, descriptors};
use crate::botkit::BotId;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Loaded, Severity};
use crate::delivery::Line;
use crate::http::{Recorder, Server};
use crate::simulator::DEV_BOT;
use crate::telemetry::start_logging;

/// How long the token that dev mode prints is good for, in seconds: a working day and a night.
const DEV_TOKEN: i64 = 24 * 3_600;

/// Options of `serve`.
#[derive(Debug, Default, Args)]
pub(super) struct Serve {
    /// Write what the platform calls to this new file as a scenario for `replay`, with codes, ids and addresses replaced.
    /// What users say is in it: only in dev mode.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn serve(loaded: &Loaded, options: &Serve) -> Result<()> {
    if options.record.is_some() && !loaded.config.dev.enabled {
        bail!(
            "--record writes down what users say, which is for dev mode only; leave it out, or set dev.enabled = true"
        );
    }
    let _logging = start_logging(loaded.config.log.format);
    descriptors::make_room(&loaded.config);
    // Requests run on actix' own threads; this one is for what outlives them.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let parts = Parts::of_the_machine(loaded, runtime.handle().clone());
    let (generated, api_key) = (parts.generated.clone(), parts.api_key.clone());
    let server = assemble(loaded, parts)?;
    let bind = loaded.config.server.bind;
    let listener = TcpListener::bind(bind)
        .with_context(|| format!("cannot listen on {bind}; set PORT, or server.bind in the configuration"))?;
    let address = listener.local_addr()?;
    if let Some(file) = &options.record {
        let shown = file.display();
        let recorder = Recorder::begin(file).with_context(|| format!("--record: cannot write {shown}"))?;
        if server.recorder.set(recorder).is_ok() {
            info!("recording what the platform calls to {shown}");
        }
    }

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
        let api_key = api_key.as_ref().filter(|_| loaded.config.api.keys.is_empty());
        let api_key = api_key.map(ExposeSecret::expose_secret);
        print!("{}", welcome(&server, &url, address.port(), credentials, api_key));
    }
    let outcome = runtime.block_on(Arc::clone(&server).run(listener, told_to_stop()));
    if let Some(recorder) = server.recorder.get() {
        recorder.end();
    }
    outcome?;
    // All that has to end has ended. A sweep may take minutes, and goes on at the next start.
    runtime.shutdown_background();
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
fn welcome(
    server: &Server,
    url: &str,
    port: u16,
    credentials: Option<(&str, &str)>,
    api_key: Option<&str>,
) -> String {
    let bot = BotId::parse(DEV_BOT).and_then(|id| server.bots.get(&id));
    let Some(platform) = bot.and_then(|bot| bot.credentials.as_ref()) else {
        return String::new();
    };
    let token = platform.token_until(SystemClock.now().seconds() + DEV_TOKEN);
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
    let rest = api_key.map_or_else(String::new, |key| {
        format!(
            "# 4. The same over REST, for Service nodes and other platforms\nKEY={key}\n\
             curl -s {url}/v1/bots/{DEV_BOT}/sessions/s-2/otp -H \"Authorization: Bearer $KEY\" -H 'content-type: \
             application/json' -d '{{\"to\":\"mira@example.com\"}}'\n\n"
        )
    });
    format!(
        "\nDev mode: {mail} {url}/dev/outbox\n\n\
         Open {url}/console in a browser to try it all.\n\n{credentials}\
         Or paste these into another terminal, one after the other.\n\n\
         TOKEN={token}\n\n\
         # 1. Send a code\n{}\n\n\
         # 2. Read the mail\ncurl -s {url}/dev/outbox\n\n\
         # 3. Type the code (and again: a code works once)\n\
         CODE=$(curl -s {url}/dev/outbox | grep -o '\"code\":\"[^\"]*' | head -n 1 | cut -d '\"' -f 4)\n{}\n\n{rest}\
         Behind a tunnel (ngrok http {}) the tunnel's address is the bot's callback URL. Never put a raw tunnel\n\
         (ssh -R, ngrok tcp) or a proxy that hides itself in front: whoever comes that way can read the outbox.\n\n",
        call("OtpSend", "\"UserEmail\":\"mira@example.com\""),
        call("OtpVerify", "\"Otp\":\"'$CODE'\""),
        port,
    )
}
