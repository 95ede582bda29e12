//! `check --send-test`: does mail get out, and what does each provider say?

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::address::{Destination, Email};
use crate::dialog::catalogue::Language;
use crate::dialog::{Delivery, Occasion};
use crate::http::Server;
use crate::otp::{ChallengeId, Code};

/// Sends a mail with a made-up code through every provider, once and in order, and prints what each answered.
///
/// # Errors
/// None of them took it.
pub(super) async fn send(server: &Server, to: Email) -> Result<()> {
    let Some(language) = language(server) else { bail!("there is no bot that could have asked for a mail") };
    let service = &server.service;
    let (rules, now) = (&service.authority.rules, service.now());
    let mut rng = &service.generator;
    let delivery = Delivery {
        challenge: ChallengeId::draw(&mut rng),
        send: 1,
        to: Destination::Email(to),
        code: Code::draw(rules.format, &mut rng),
        expires_at: now.after(rules.lifetime),
        language,
        greets: false,
    };
    let message = service.deliveries.layout.write(&delivery, Occasion::Test, now);
    println!("\nA test mail to {}:", delivery.to.masked());
    let mut taken = false;
    for provider in &service.deliveries.email {
        let name = provider.name();
        match provider.try_out(&message).await {
            Ok(id) => {
                taken = true;
                let id = id.map_or_else(String::new, |id| format!(" (message id {id})"));
                println!("{name}: accepted{id}");
            }
            Err(error) => println!("{name}: {error}"),
        }
    }
    if !taken {
        bail!("no provider took the test mail");
    }
    Ok(())
}

/// What the bots speak: the default one, or else the first by id.
fn language(server: &Server) -> Option<Arc<Language>> {
    let named = server.bots.named.iter().min_by_key(|(id, _)| id.as_str()).map(|(_, bot)| bot);
    let bot = server.bots.default.as_ref().or(named)?;
    Some(Arc::clone(&bot.settings.language))
}
