//! Which server is tried, and as whom.

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use secrecy::SecretString;

use crate::botkit::{Algorithm, BotId, Credentials};
use crate::config::Loaded;
use crate::simulator::{DEV_BOT, Target};

/// A running server.
#[derive(Debug, Args)]
pub(super) struct Whom {
    /// The server's callback URL, without /sdk, such as <http://127.0.0.1:8003> or a tunnel's address.
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// The bot to call for.
    #[arg(long, value_name = "ID", default_value = DEV_BOT)]
    pub(super) bot: String,
    /// Client ID of the bot's JWT app [default: the one in the configuration].
    #[arg(long, value_name = "ID", env = "BOTKIT_APP_ID")]
    pub(super) app_id: Option<String>,
    /// Client Secret of the bot's JWT app [default: the one in the configuration].
    #[arg(long, value_name = "SECRET", env = "BOTKIT_API_KEY", hide_env_values = true)]
    pub(super) api_key: Option<SecretString>,
    /// The JWT app's signing algorithm.
    #[arg(long, value_name = "NAME", default_value = "HS256", value_parser = algorithm)]
    pub(super) jwt_algorithm: Algorithm,
}

fn algorithm(name: &str) -> Result<Algorithm, &'static str> {
    match name {
        "HS256" => Ok(Algorithm::HS256),
        "HS384" => Ok(Algorithm::HS384),
        "HS512" => Ok(Algorithm::HS512),
        _ => Err("must be HS256, HS384 or HS512"),
    }
}

impl Whom {
    /// The server at `url`.
    ///
    /// # Errors
    /// There are no credentials, or the URL or the bot's id is none.
    pub(super) fn target(&self, url: &str, loaded: &Loaded) -> Result<Target> {
        let bot = BotId::parse(&self.bot).ok_or_else(|| anyhow!("{:?} is no bot id", self.bot))?;
        let credentials = match (&self.app_id, &self.api_key) {
            (Some(id), Some(secret)) => Credentials::new(id, secret, self.jwt_algorithm, false)
                .ok_or_else(|| anyhow!("--app-id and --api-key must not be empty"))?,
            (Some(_), None) => return Err(anyhow!("--app-id needs --api-key, or BOTKIT_API_KEY")),
            (None, Some(_)) => return Err(anyhow!("--api-key needs --app-id, or BOTKIT_APP_ID")),
            (None, None) => {
                let bots = loaded.bots(None, &loaded.catalogue()?).context(
                    "there are no credentials to call with; give --app-id and --api-key (a server in dev mode prints \
                     its own when it starts)",
                )?;
                let configured = bots.get(&bot);
                let configured = configured.ok_or_else(|| anyhow!("the configuration has no bot {bot}"))?;
                configured.credentials.clone().ok_or_else(|| anyhow!("the bot {bot} is for REST only"))?
            }
        };
        Target::new(url, bot, credentials).map_err(|problem| anyhow!("--url: {problem}"))
    }
}
