//! What configurations are taken, and what is said of those that are not.

use super::*;

const GOOD: &str = "[bots.default]\napp_id = \"cs-1\"\napi_key = \"k\"\n";

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    std::fs::write(&file, text).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Loaded::read(Some(&file), &variables)
        .and_then(|loaded| loaded.bots(None, &loaded.catalogue()?).map(|_| loaded))
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn complaints_name_the_key_the_place_and_the_fix() {
    for (text, complaint) in [
        ("[otp]\nlenght = 6", "my.toml: otp.lenght is not a known key; did you mean \"otp.length\"?"),
        ("[otpp]\nlength = 6", "my.toml: otpp is not a known key; did you mean \"otp\"?"),
        ("length = 6", "my.toml: length is not a known key; did you mean \"otp.length\"?"),
        (
            "[otp]\nlength = \"six\"",
            "my.toml: otp.length cannot be used: invalid type: string \"six\", expected u8",
        ),
        ("otp = 1", "my.toml: otp must be a section"),
        (
            "[otp]\nlifetime = \"five\"",
            "my.toml: otp.lifetime cannot be used: \"five\" is no span of time; write it like \"30s\" or \"5m\"",
        ),
        ("[bots.default]\napp_id = \"test_app_id\"", "my.toml: bots.default.app_id is a sample value"),
        ("[bots.default]\napp_id = \"cs-1\"", "default: bots.default.api_key is empty"),
        ("", "default: bots.default.app_id is empty"),
        ("[bots.st-1]\napp_id = \"cs-1\"", "my.toml: bots.st-1.app_id needs its counterpart"),
        (
            "[bots.default]\njwt_algorithm = \"RS256\"",
            "my.toml: bots.default.jwt_algorithm cannot be used: unknown variant",
        ),
        (
            "[bots.default]\ncomponents = { sned = [\"X\"] }\napp_id = \"a\"\napi_key = \"b\"",
            "my.toml: bots.default.components has \"sned\"",
        ),
        (
            "[bots.default]\ncomponents = { send = [\"X\"], verify = [\"x\"] }\napp_id = \"a\"\napi_key = \"b\"",
            "my.toml: bots.default.components maps",
        ),
        ("[server]\nbind = \"localhost\"", "my.toml: server.bind cannot be used: invalid socket address"),
        ("[server]\napi_prefix = \"otp/\"", "my.toml: server.api_prefix must be empty or look like \"/otp\""),
        (
            "[server]\nbind = \"0.0.0.0:1\"\n[dev]\nenabled = true",
            "my.toml: server.bind is 0.0.0.0:1: dev mode",
        ),
        (
            "[delivery.sendgrid]\nbase_url = \"http://x.example\"",
            "my.toml: delivery.sendgrid.base_url must start with https",
        ),
        (
            "[delivery.sendgrid]\nbase_url = \"http://localhost.x.example\"",
            "my.toml: delivery.sendgrid.base_url must start",
        ),
        ("[delivery]\nmost_at_once = 0", "my.toml: delivery.most_at_once must be 1 to 100000"),
        (
            "[delivery.twilio]\nbase_url = \"http://x.example\"",
            "my.toml: delivery.twilio.base_url must start with https",
        ),
        ("[server]\npublic_url = \"http://x.example\"", "my.toml: server.public_url must start with https"),
        ("[server]\npublic_url = \"otp.example\"", "my.toml: server.public_url is not a URL"),
        (
            "[delivery.twilio]\nauth_token = 7",
            "my.toml: delivery.twilio.auth_token cannot be used: it is not of",
        ),
        (
            "[delivery.twilio]\ncountries = [\"Germany\"]\n[bots.default]\napp_id = \"a\"\napi_key = \"b\"",
            "my.toml: delivery.twilio.countries has \"Germany\", which is no country",
        ),
        (
            "[delivery]\nemail = []\n[bots.default]\napp_id = \"a\"\napi_key = \"b\"",
            "my.toml: delivery.email is empty: no code would ever arrive",
        ),
        ("[limits.sms]\nblock_for = \"5s\"", "my.toml: limits.sms.block_for must be 1m to 24h"),
        (
            "[bots.default]\ncode_fields = [\"x\"]",
            "my.toml: bots.default.code_fields[0] cannot be used: \"x\" is no JSON pointer",
        ),
        (
            "[bots.default]\napp_id = \"a\"\napi_key = \"b\"\nforward_to = \"http://botkit.example\"",
            "my.toml: bots.default.forward_to must start with https://",
        ),
        (
            "[bots.default]\napp_id = \"a\"\napi_key = \"b\"\nforward_to = \"http://localhost:8003\"",
            "my.toml: bots.default.forward_to leads back to this server",
        ),
        (
            "[bots.default]\napp_id = \"a\"\napi_key = \"b\"\ntoken_lifetime = \"0s\"",
            "my.toml: bots.default.token_lifetime must be 1s to 24h",
        ),
        (
            "[server]\nallow_from = [\"10.0.0.0/99\"]",
            "my.toml: server.allow_from cannot be used: \"10.0.0.0/99\" is no network; write it like",
        ),
        ("[server]\nmost_connections = 0", "my.toml: server.most_connections must be 1 to 1000000"),
        ("[server]\ndrain_for = \"2m\"", "my.toml: server.drain_for must be 0s to 60s"),
        ("[store]\nredis_url = 7", "my.toml: store.redis_url cannot be used: it is not of"),
        ("[store]\nkind = \"redis\"\n", "default: otp.keys is empty, and servers that share"),
        ("[otp", "my.toml: line 1 is not TOML: "),
    ] {
        let error = read(text, &[]).err().unwrap_or_default();
        assert!(error.starts_with(complaint), "{text:?} gave {error:?}");
    }
}

#[test]
fn the_environment_stands_above_the_file() {
    let loaded = read(
        &format!("{GOOD}[otp]\nlength = 7\n[server]\nbind = \"0.0.0.0:1\""),
        &[
            ("BOTKIT_OTP_OTP__LENGTH", "8"),
            ("BOTKIT_OTP_PLATFORM__CALLBACK_ORIGINS", "https://a.example, https://b.example"),
            ("BOTKIT_OTP_DELIVERY__SENDGRID__SANDBOX", "true"),
            ("BOTKIT_OTP_BOTS__DEFAULT__APP_ID", "123"),
            ("SENDGRID_API_KEY", "SG.x"),
            ("TWILIO_ACCOUNT_SID", "AC1"),
            ("TWILIO_AUTH_TOKEN", "t"),
            ("PORT", "9000"),
        ],
    )
    .unwrap();
    let Config { otp, platform, delivery, bots, server, .. } = &loaded.config;
    assert_eq!((otp.length, delivery.sendgrid.sandbox), (8, true));
    assert_eq!(platform.callback_origins, ["https://a.example", "https://b.example"]);
    assert_eq!((bots["default"].app_id.as_str(), server.bind.to_string().as_str()), ("123", "0.0.0.0:9000"));
    assert_eq!(delivery.sendgrid.api_key.expose_secret(), "SG.x");
    assert_eq!(
        (delivery.twilio.account_sid.as_str(), delivery.twilio.auth_token.expose_secret()),
        ("AC1", "t")
    );
    for (variable, value, complaint) in [
        (
            "BOTKIT_OTP_OTP__LENGHT",
            "8",
            "BOTKIT_OTP_OTP__LENGHT: otp.lenght is not a known key; did you mean",
        ),
        ("BOTKIT_OTP_OTP__LENGTH", "six", "BOTKIT_OTP_OTP__LENGTH: otp.length must be a value of the kind"),
        ("PORT", "http", "PORT: server.bind cannot be used"),
    ] {
        let error = read(GOOD, &[(variable, value)]).err().unwrap_or_default();
        assert!(error.starts_with(complaint), "{error}");
    }
}

#[test]
fn whoever_says_where_redis_is_wants_it_to_be_used() {
    let url = ("REDIS_URL", "redis://:hush@redis.example");
    let store = |text: &str, variables: &[(&str, &str)]| {
        let text = format!("{GOOD}[otp]\nkeys = [{{ id = \"a\", secret = \"{}\" }}]\n{text}", "x".repeat(40));
        let loaded = read(&text, variables).unwrap();
        let warnings = loaded
            .findings()
            .into_iter()
            .filter(|warning| warning.to_string().starts_with("store.redis_url is "));
        let warnings: Vec<_> = warnings.map(|warning| warning.to_string()[19..26].to_owned()).collect();
        (loaded.config.store.kind, warnings.concat())
    };
    let (memory, disk, redis) = (store::Kind::Memory, store::Kind::Disk, store::Kind::Redis);
    assert_eq!(store("", &[url]), (redis, "without".to_owned()));
    assert_eq!(store("", &[("REDIS_URL", "rediss://redis.example")]), (redis, String::new()));
    assert_eq!(store("", &[("REDIS_URL", "")]), (disk, String::new()));
    assert_eq!(store("", &[url, ("BOTKIT_OTP_STORE__KIND", "memory")]), (memory, "set and".to_owned()));
    assert_eq!(store("[store]\nkind = \"memory\"", &[url]).0, memory);
    assert_eq!(store("[store]\nredis_url = \"redis://a\"", &[]).0, disk);
}

#[test]
fn secrets_are_hidden_wherever_they_stand() {
    let text = format!(
        "{GOOD}[otp]\nkeys = [{{ id = \"a\", secret = \"hush-hush-hush-hush-hush-hush-hush\" }}]\n\
         [bots.st-2]\napp_id = \"x\"\napi_key = \"hush\"\n[delivery.sendgrid]\napi_key = \"hush\"\n\
         [delivery.twilio]\nauth_token = \"hush\"\n[store]\nredis_url = \"redis://:hush@localhost\""
    );
    let loaded = read(&text, &[]).unwrap();
    let shown = loaded.show();
    assert!(!shown.contains("hush") && shown.contains("(hidden)") && shown.contains("cs-1"), "{shown}");
    assert!(!format!("{:?}", loaded.config).contains("hush"));
}

#[test]
fn dev_mode_is_what_nothing_configured_means() {
    let bare = |variables: &[(&str, &str)]| {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Loaded::read(None, &variables).unwrap().config.dev.enabled
    };
    assert!(bare(&[]));
    assert!(!bare(&[("BOTKIT_OTP_BOTS__DEFAULT__APP_ID", "cs-1")]));
    assert!(!bare(&[("BOTKIT_OTP_DEV__ENABLED", "false")]));
    assert!(!read(GOOD, &[]).unwrap().config.dev.enabled);
}

#[test]
fn production_keeps_what_a_restart_would_lose() {
    let kind = |text: &str| read(text, &[]).unwrap().config.store.kind;
    assert_eq!(kind(GOOD), store::Kind::Disk);
    let dev = format!("{GOOD}[dev]\nenabled = true\n");
    assert_eq!(kind(&dev), store::Kind::Memory);
    assert_eq!(kind(&format!("{dev}[store]\npath = \"kept\"")), store::Kind::Disk);
    let warns = |text: &str| {
        let loaded = read(text, &[]).unwrap();
        assert_eq!(
            loaded.show().contains("kind = \"memory\""),
            loaded.config.store.kind == store::Kind::Memory
        );
        loaded.findings().iter().any(|warning| warning.to_string().starts_with("store.kind is \"memory\""))
    };
    assert!(!warns(GOOD) && !warns(&dev) && warns(&format!("{GOOD}[store]\nkind = \"memory\"")));
}

#[test]
fn enrolled_means_what_the_user_cannot_type() {
    let loaded = read(&format!("{GOOD}[otp]\ndestination = \"enrolled\""), &[]).unwrap();
    let bots = loaded.bots(None, &loaded.catalogue().unwrap()).unwrap();
    let fields = &bots.default.as_ref().unwrap().settings.destination_fields;
    assert_eq!(
        fields.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "/context/session/UserContext/emailId",
            "/context/session/UserContext/phoneNo",
            "/context/session/UserContext/phoneNumber",
            "/context/session/UserContext/mobile"
        ]
    );
}
