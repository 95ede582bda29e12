//! BotKit's own file: what becomes of its values, and what is said of those that are of no use.

use std::collections::BTreeMap;

use base64::Engine as _;
use secrecy::ExposeSecret as _;

use super::super::Loaded;
use crate::botkit::BotId;

const BOT: &str = "st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16";

/// As BotKit ships it, with credentials filled in.
fn file() -> String {
    format!(
        r#"{{
    "server": {{ "port": 8013 }},
    "app": {{ "apiPrefix": "otp", "url": "http://localhost" }},
    "validations": {{ "leastNodeVersion": 10 }},
    "credentials": {{
        "apikey": "s3cret-of-all", "appId": "cs-all",
        "{BOT}": {{ "apikey": "s3cret-of-one", "appId": "cs-one" }}
    }},
    "jwt": {{ "jwtAlgorithm": "HS512", "jwt-expiry": 90, "{BOT}": {{ "jwtAlgorithm": "HS256", "jwtExpiry": "120", "jwt-expiry": 7 }} }},
    "redis": {{ "options": {{ "host": "localhost", "port": 6379 }}, "available": false }},
    "examples": {{ "mockServicesHost": "http://localhost:8004" }},
    "liveagentlicense": "8947569",
    "supportsMessageAck": true,
    "languages": ["de", "en", "tlh"]
}}"#
    )
}

fn read(text: &str) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::write(&file, text).unwrap();
    Loaded::read(Some(&file), &BTreeMap::new())
        .and_then(|loaded| loaded.bots(None, &loaded.catalogue()?).map(|_| loaded))
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn its_values_become_ours() {
    let loaded = read(&file()).unwrap();
    let config = &loaded.config;
    assert_eq!(
        (config.server.bind.to_string().as_str(), config.server.api_prefix.as_str()),
        ("0.0.0.0:8013", "/otp")
    );
    assert_eq!(config.server.public_url, "");
    let of = |bot: &str| {
        let bot = &config.bots[bot];
        (bot.app_id.clone(), bot.api_key.expose_secret().to_owned(), bot.token_lifetime.as_secs())
    };
    assert_eq!(of("default"), ("cs-all".to_owned(), "s3cret-of-all".to_owned(), 90));
    // Both spellings are there: the one that BotKit reads counts.
    assert_eq!(of(BOT), ("cs-one".to_owned(), "s3cret-of-one".to_owned(), 120));
    assert_eq!(config.bots["default"].languages, ["de", "en"]);
    let algorithm = |bot: &str| format!("{:?}", config.bots[bot].jwt_algorithm);
    assert_eq!((algorithm("default").as_str(), algorithm(BOT).as_str()), ("HS512", "HS256"));
    assert!(!config.dev.enabled);
    let finding = loaded.findings().into_iter().find(|finding| finding.risk.contains("ignored")).unwrap();
    assert!(finding.key.ends_with("config.json"), "{finding}");
    assert!(
        finding.risk.ends_with("ignored: examples, languages[\"tlh\"], liveagentlicense, validations"),
        "{finding}"
    );
    assert!(!loaded.show().contains("s3cret"));
    let bots = loaded.bots(None, &loaded.catalogue().unwrap()).unwrap();
    let token = bots
        .get(&BotId::parse(BOT).unwrap())
        .unwrap()
        .credentials
        .as_ref()
        .unwrap()
        .token(crate::clock::Timestamp::from_millis(0));
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    assert!(String::from_utf8(claims).unwrap().contains("\"exp\":120"));
}

#[test]
fn values_of_no_use_are_named_and_no_secret_is_shown() {
    for (text, complaint) in [
        (
            file().replace("HS512", "RS256"),
            "config.json: jwt.jwtAlgorithm is \"RS256\", which BotKit cannot use either",
        ),
        (
            file().replace("\"HS256\"", "\"RS512\""),
            &format!("config.json: jwt.{BOT}.jwtAlgorithm is \"RS512\", which BotKit cannot use either"),
        ),
        (file().replace(": 90", ": \"soon\""), "config.json: jwt.jwt-expiry must be a number of seconds"),
        (file().replace("8013", "null"), "config.json: server.port must be a number"),
        (file().replace("8013", "80130"), "config.json: server.bind cannot be used"),
        (
            file().replace("s3cret-of-all", "test_api_key"),
            "config.json: bots.default.api_key is a sample value",
        ),
        (
            file().replace("cs-one", "test_app_id2"),
            &format!("config.json: bots.{BOT}.app_id is a sample value"),
        ),
        (
            file().replace("\"s3cret-of-one\"", "[]"),
            &format!("config.json: credentials.{BOT}.apikey must be a text"),
        ),
        (file().replace("\"s3cret-of-one\"", "s3cret"), "config.json: line 7 is not JSON"),
        ("{\"name\":\"x\"}".to_owned(), "config.json: is JSON and not BotKit's config.json"),
    ] {
        let error = read(&text).err().unwrap_or_default();
        assert!(error.starts_with(complaint), "{complaint:?} wanted, {error:?} given");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn its_url_counts_if_the_world_can_use_it() {
    let loaded = read(&file().replace("http://localhost\"", "https://otp.example.com/\"")).unwrap();
    assert_eq!(loaded.config.server.public_url, "https://otp.example.com");
}
