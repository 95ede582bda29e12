//! Each rule: found where it is broken, and not where it is kept.

use super::super::Loaded;
use super::Severity;

const GOOD: &str = "[bots.default]\napp_id = \"cs-1\"\napi_key = \"k\"\n\
                    [otp]\nkeys = [{ id = \"a\", secret = \"0123456789abcdef0123456789abcdef\" }]\n";

/// The findings on a configuration in a file of these rights, as severity and key.
fn found(text: &str, mode: u32) -> Vec<(Severity, String)> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let loaded = Loaded::read(Some(&file), &std::collections::BTreeMap::new()).unwrap();
    let place = format!("{}/", folder.path().display());
    loaded.findings().into_iter().map(|found| (found.severity, found.key.replace(&place, ""))).collect()
}

/// What a sound production configuration is told, whatever else is in it.
const ALWAYS: [(Severity, &str); 1] = [(Severity::Note, "delivery.email")];

#[test]
fn a_sound_configuration_is_told_what_there_is_to_know() {
    let found = found(GOOD, 0o640);
    let found: Vec<_> = found.iter().map(|(severity, key)| (*severity, key.as_str())).collect();
    assert_eq!(found, ALWAYS);
}

#[test]
fn every_broken_rule_is_found_under_its_key() {
    use Severity::{Error, Note, Warning};
    for (text, severity, key) in [
        ("lifetime = \"11m\"", Error, "otp.lifetime"),
        ("length = 5", Error, "otp.length"),
        ("lock_for = \"30s\"", Warning, "otp.lock_for"),
        ("resend_after = \"9s\"", Warning, "otp.resend_after"),
        ("expose = \"plain\"", Warning, "otp.expose"),
        ("[limits.destination]\nfailures_per_day = 0", Error, "limits.destination.failures_per_day"),
        ("[limits.destination]\nsends_per_hour = 0\nsends_per_day = 0", Warning, "limits.destination"),
        ("[delivery]\nsms = [\"twilio\"]\n[limits.sms]\nenabled = false", Warning, "limits.sms.enabled"),
        ("[delivery.twilio]\naccount_sid = \"AC1\"", Note, "delivery.twilio.account_sid"),
        ("[delivery.sendgrid]\nsandbox = true", Warning, "delivery.sendgrid.sandbox"),
        ("[dev]\nenabled = true", Warning, "dev.enabled"),
        (
            "[dev]\nenabled = true\n[platform]\ncallback_origins = [\"http://127.0.0.1\"]",
            Warning,
            "platform.callback_origins",
        ),
        ("[store]\nkind = \"memory\"", Warning, "store.kind"),
        ("[store]\nkind = \"memory\"", Warning, "proof.keys"),
        ("[store]\nredis_url = \"redis://127.0.0.1\"", Warning, "store.redis_url"),
        ("[store]\nkind = \"redis\"\nredis_url = \"redis://redis.example\"", Warning, "store.redis_url"),
        ("[platform]\nanswer_within = \"13s\"", Warning, "platform.answer_within"),
        ("[server]\nbind = \"0.0.0.0:1\"", Note, "server.bind"),
        ("[bots.st-1]\naccept_api_key_header = true", Warning, "bots.st-1.accept_api_key_header"),
        ("[bots.st-1]\ntoken_lifetime = \"1h\"", Warning, "bots.st-1.token_lifetime"),
    ] {
        let found = found(&format!("{GOOD}{text}"), 0o600);
        let wanted = (severity, key.to_owned());
        assert_eq!(found.iter().filter(|finding| **finding == wanted).count(), 1, "{text}: {found:?}");
        assert!(found.is_sorted_by_key(|(severity, _)| std::cmp::Reverse(*severity)), "{found:?}");
    }
    let bots = "[bots.default]\napp_id = \"cs-1\"\napi_key = \"k\"\naccept_api_key_header = true\n[bots.st-1]\n[store]\nkind = \"memory\"\n";
    let found = found(bots, 0o600);
    let of = |name: &str| found.iter().filter(|(_, key)| key.contains(name)).count();
    assert_eq!((of("accept_api_key_header"), of("otp.keys")), (1, 1), "{found:?}");
}

#[test]
fn a_file_with_secrets_must_not_be_everybodys() {
    assert!(found(GOOD, 0o644).contains(&(Severity::Warning, "my.toml".to_owned())));
    assert!(
        !found("[otp]\nlength = 7\n[dev]\nenabled = true", 0o644).iter().any(|(_, key)| key == "my.toml")
    );
}
