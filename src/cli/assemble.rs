//! Puts a server together from its configuration: the same way for the program, for tests and for benches.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use dashmap::DashMap;
use rand::rngs::StdRng;
use rand::{CryptoRng, RngExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;

use crate::address::Channel;
use crate::audit::Audit;
use crate::clock::{Clock, SystemClock, VirtualClock};
use crate::config::{Error, Loaded};
use crate::delivery::events::{Events, SendGridEvents, TwilioEvents};
use crate::delivery::{
    Deliveries, Delivery, Dev, Limits, Line, Provider, SendGrid, Smtp, Texts, ToOutbox, Twilio, http_client,
};
use crate::dialog::catalogue::Catalogue;
use crate::http::{Console, Hooks, Rate, Server, Tls};
use crate::otp::Spending;
use crate::platform::Platform;
use crate::proof::Prover;
use crate::service::{Background, Generator, Service};
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::{otp, proof};

/// What a server takes from its surroundings.
pub struct Parts {
    /// What time it is for codes.
    pub clock: Arc<dyn Clock>,
    /// The same clock, where dev mode may move it.
    pub dev_clock: Option<Arc<VirtualClock>>,
    /// Where codes come from.
    pub rng: Box<dyn CryptoRng + Send>,
    /// What runs work that outlives its request.
    pub runtime: Handle,
    /// Client ID and Client Secret for dev mode, where none are configured.
    pub generated: Option<(String, SecretString)>,
    /// A store in place of the configured one.
    pub store: Option<Arc<dyn Store>>,
    /// An API key for dev mode, where none is configured.
    pub api_key: Option<SecretString>,
}

impl Parts {
    /// What the machine has: its clock, its randomness, and in dev mode fresh credentials.
    #[must_use]
    pub fn of_the_machine(loaded: &Loaded, runtime: Handle) -> Self {
        let mut rng: StdRng = rand::make_rng();
        let dev_clock = loaded.config.dev.enabled.then(|| Arc::new(VirtualClock::running()));
        let dev = dev_clock.is_some();
        let mut secret = || rng.random::<[u64; 4]>().map(|part| format!("{part:016x}")).concat();
        let generated = dev.then(|| (["cs-dev-", &secret()[..8]].concat(), secret().into()));
        let api_key = dev.then(|| secret().into());
        let clock: Arc<dyn Clock> = match &dev_clock {
            Some(clock) => Arc::<VirtualClock>::clone(clock),
            None => Arc::new(SystemClock),
        };
        Self { clock, dev_clock, rng: Box::new(rng), runtime, generated, store: None, api_key }
    }
}

/// Puts a server together.
///
/// # Errors
/// A setting that cannot be used. Production does not start with dev mode's doors, nor without credentials, nor
/// without a provider.
pub fn assemble(loaded: &Loaded, mut parts: Parts) -> Result<Arc<Server>, Error> {
    let config = &loaded.config;
    let generated = parts.generated.as_ref().map(|(id, secret)| (id.as_str(), secret));
    let catalogue = loaded.catalogue()?;
    let bots = loaded.bots(generated, &catalogue)?;
    let deliveries = deliveries(loaded, &catalogue)?;
    let (api_keys, admin_keys) = (loaded.api_keys(parts.api_key.as_ref())?, loaded.admin_keys()?);
    let (events, tls) = (events(loaded)?, tls(loaded)?);
    let platform = Platform::new(&config.platform, config.dev.enabled)
        .map_err(|problem| loaded.error("platform.callback_origins", problem))?;
    // Last, and with it what needs its keys: what is wrong with the rest leaves no store behind.
    let opened = parts.store.take().map_or_else(|| config.store.open(&mut *parts.rng, &parts.runtime), Ok);
    let store = opened.map_err(|(key, problem)| loaded.error(&format!("store.{key}"), problem))?;
    let (mut rules, mut proof) = (config.otp.clone(), config.proof.clone());
    // Keys that nobody set are made once, where there is a folder to keep them in.
    if let Some(folder) = store.folder() {
        let mut own = |name| {
            let secret = folder.secret(name, &mut *parts.rng);
            secret.map_err(|problem| loaded.error("store.path", problem))
        };
        let id = || "own".to_owned();
        if rules.keys.is_empty() {
            rules.keys.push(otp::Key { id: id(), secret: own("otp")? });
        }
        if proof.keys.is_empty() {
            proof.keys.push(proof::Key { id: id(), secret: own("proof")? });
        }
    }
    let authority = rules
        .authority(config.limits.budgets(), &mut *parts.rng)
        .map_err(|(key, problem)| loaded.error(&format!("otp.{key}"), problem))?;
    let service = Service {
        authority,
        expose: config.otp.expose,
        answer_within: config.platform.answer_within,
        store,
        deliveries,
        spending: Mutex::new(Spending::new(config.limits.sms.clone())),
        clock: parts.clock,
        generator: Generator::new(parts.rng),
        metrics: Arc::new(Metrics::default()),
        audit: Audit::open(&config.audit).map_err(|problem| loaded.error("audit.target", problem))?,
        background: Background::on(parts.runtime),
        most_at_once: config.delivery.most_at_once,
        sending: DashMap::new(),
    };
    Ok(Arc::new(Server {
        service: Arc::new(service),
        bots,
        api_keys,
        admin_keys,
        platform,
        prover: Prover::new(&proof, &config.server.public_url)
            .map_err(|(key, problem)| loaded.error(&format!("proof.{key}"), problem))?,
        catalogue,
        events,
        settings: config.server.clone(),
        tls,
        rate: Rate::new(config.server.calls_per_second),
        dev_clock: parts.dev_clock,
        console: Console::default(),
        hooks: Hooks::default(),
        recorder: OnceLock::new(),
        stopping: AtomicBool::new(false),
    }))
}

fn tls(loaded: &Loaded) -> Result<Option<Tls>, Error> {
    let server = &loaded.config.server;
    let is_set = |path: &Path| !path.as_os_str().is_empty();
    match (is_set(&server.tls_cert), is_set(&server.tls_key)) {
        (false, false) if is_set(&server.tls_client_ca) => {
            Err(loaded.error("server.tls_client_ca", "needs server.tls_cert and server.tls_key"))
        }
        (false, false) => Ok(None),
        (true, true) => Tls::open(&server.tls_cert, &server.tls_key, &server.tls_client_ca)
            .map(Some)
            .map_err(|(key, problem)| loaded.error(&format!("server.{key}"), problem)),
        (true, false) => {
            Err(loaded.error("server.tls_cert", "needs its counterpart: set tls_cert and tls_key"))
        }
        (false, true) => {
            Err(loaded.error("server.tls_key", "needs its counterpart: set tls_cert and tls_key"))
        }
    }
}

fn deliveries(loaded: &Loaded, catalogue: &Catalogue) -> Result<Deliveries, Error> {
    let config = &loaded.config;
    let of = |channel| providers(loaded, channel);
    let texts = Texts::new(&config.delivery.twilio)
        .map_err(|(key, problem)| loaded.error(&format!("delivery.twilio.{key}"), problem))?;
    Ok(Deliveries {
        layout: loaded.layout(catalogue)?,
        email: of(Channel::Email)?,
        sms: of(Channel::Sms)?,
        whatsapp: of(Channel::WhatsApp)?,
        call: of(Channel::Call)?,
        texts,
        dev: config.dev.enabled.then(|| Arc::new(Dev::default())),
        insist: config.platform.answer_within,
        check_every: (!config.dev.enabled || loaded.is_set("delivery.check_every"))
            .then_some(config.delivery.check_every),
    })
}

/// The providers of a channel, in order.
fn providers(loaded: &Loaded, channel: Channel) -> Result<Vec<Line>, Error> {
    let settings = &loaded.config.delivery;
    let limits = Limits { failures: settings.breaker_failures, pause: settings.breaker_pause };
    if loaded.keeps(channel) {
        return Ok(vec![Line::new(Box::new(ToOutbox), limits)]);
    }
    let named = loaded.config.delivery.providers(channel).iter();
    let providers = named.map(|provider| match (provider, channel) {
        (Provider::SendGrid, Channel::Email) => sendgrid(loaded),
        (Provider::Smtp, Channel::Email) => smtp(loaded),
        (Provider::Twilio, Channel::Sms | Channel::WhatsApp | Channel::Call) => twilio(loaded, channel),
        (Provider::SendGrid | Provider::Smtp, Channel::Sms | Channel::WhatsApp | Channel::Call)
        | (Provider::Twilio, Channel::Email) => {
            let key = format!("delivery.{}", channel.name());
            Err(loaded.error(&key, format!("names {}, which does not send that way", provider.name())))
        }
    });
    providers.map(|provider| Ok(Line::new(provider?, limits))).collect()
}

fn sendgrid(loaded: &Loaded) -> Result<Box<dyn Delivery>, Error> {
    let settings = &loaded.config.delivery;
    let http = http_client(settings.timeout)
        .map_err(|error| loaded.error("delivery.sendgrid", error.to_string()))?;
    let provider = SendGrid::new(&settings.sendgrid, http)
        .map_err(|(key, problem)| loaded.error(&format!("delivery.sendgrid.{key}"), problem))?;
    Ok(Box::new(provider))
}

fn smtp(loaded: &Loaded) -> Result<Box<dyn Delivery>, Error> {
    let settings = &loaded.config.delivery;
    let provider = Smtp::new(&settings.smtp, settings.timeout)
        .map_err(|(key, problem)| loaded.error(&format!("delivery.smtp.{key}"), problem))?;
    Ok(Box::new(provider))
}

fn twilio(loaded: &Loaded, channel: Channel) -> Result<Box<dyn Delivery>, Error> {
    let settings = &loaded.config.delivery;
    let http =
        http_client(settings.timeout).map_err(|error| loaded.error("delivery.twilio", error.to_string()))?;
    let provider = Twilio::new(&settings.twilio, channel, &loaded.config.server.public_url, http)
        .map_err(|(key, problem)| loaded.error(&format!("delivery.twilio.{key}"), problem))?;
    Ok(Box::new(provider))
}

/// Whose reports on messages are taken.
fn events(loaded: &Loaded) -> Result<Events, Error> {
    let (delivery, public_url) = (&loaded.config.delivery, &loaded.config.server.public_url);
    let sendgrid = match delivery.sendgrid.webhook_key.trim() {
        "" => None,
        key => Some(
            SendGridEvents::new(key)
                .map_err(|problem| loaded.error("delivery.sendgrid.webhook_key", problem))?,
        ),
    };
    let token = delivery.twilio.auth_token.expose_secret();
    let twilio = (!public_url.is_empty() && !token.is_empty()).then(|| TwilioEvents::new(token, public_url));
    Ok(Events { sendgrid, twilio })
}
