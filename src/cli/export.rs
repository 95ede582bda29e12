//! `dialog`: the dialog of the README as a file that the platform imports. Its ids are the same every time, so that a later
//! import replaces an earlier one. Experimental: the shape is that of public exports, and has not been tried on a tenant.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::dialog::Status;
use crate::simulator::{End, Entity, Mode, Next, Node, Then, after};

/// What the platform leaves as it is where it writes texts and scripts, as JavaScript's `encodeURIComponent` does.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Says what we say, with what can be answered to it, where the channel shows quick replies.
const QUICK_REPLIES: &str = "var replies=(context.otp.suggestions||[]).map(function(words){return {\"content_type\":\"text\",\
                             \"title\":words,\"payload\":words};});print(JSON.stringify({\"type\":\"template\",\
                             \"payload\":{\"template_type\":\"quick_replies\",\"text\":context.otp.message,\
                             \"quick_replies\":replies}}));";

/// Asks for the address.
const ASK: &str = "Which e-mail address may we send a code to?";

/// Says what we say.
const OURS: &str = "{{context.otp.message}}";

/// What `context.otp.intent` may say.
const INTENTS: [&str; 7] = ["resend", "change_address", "address", "cancel", "agent", "yes", "no"];

/// A node of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Intent,
    Ask(Entity),
    /// A Script node: an entity that has a value is not asked for again.
    Empty(Entity),
    Run(Node),
    /// A Message node, which leads to one place.
    Say(Then),
}

impl Place {
    /// Its type on the platform.
    const fn kind(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Ask(_) => "entity",
            Self::Empty(_) => "script",
            Self::Run(_) => "SDKWebHook",
            Self::Say(_) => "message",
        }
    }

    /// Its name, which its ids come from.
    fn name(self) -> Cow<'static, str> {
        match self {
            Self::Intent => "OtpAuthentication".into(),
            Self::Ask(entity) => entity.name().into(),
            Self::Empty(Entity::UserEmail) => "ForgetEmail".into(),
            Self::Empty(Entity::Otp) => "ForgetOtp".into(),
            Self::Run(node) => node.name().into(),
            Self::Say(Then::Done(End::GoesOn)) => "Verified".into(),
            Self::Say(Then::Done(End::Ends)) => "Say".into(),
            Self::Say(Then::Done(End::Agent)) => "SayThenAgent".into(),
            Self::Say(Then::Ask(entity)) => format!("SayThen{}", entity.name()).into(),
            Self::Say(Then::Run(node)) => format!("SayThen{}", node.name()).into(),
        }
    }

    /// What its component has besides a name.
    fn more(self) -> Value {
        match self {
            Self::Intent => {
                json!({ "localeData": { "en": { "label": "OTP Authentication", "intent": "OTP Authentication" } } })
            }
            Self::Ask(Entity::UserEmail) => {
                json!({ "entityType": "email", "message": [message("default", "basic", ASK)], "errorMessage": [] })
            }
            Self::Ask(Entity::Otp) => json!({
                "entityType": "label",
                "message": [message("default", "basic", OURS), message("rtm", "uxmap", QUICK_REPLIES)],
                "errorMessage": [],
            }),
            Self::Empty(entity) => {
                json!({ "script": coded(&format!("delete context.entities.{};", entity.name())) })
            }
            Self::Run(_) => json!({}),
            Self::Say(_) => json!({ "message": [message("default", "basic", OURS)] }),
        }
    }

    /// Where to go from there, and if what; the last way has no condition. `None` is the end.
    fn ways(self) -> Vec<(Value, Option<Self>)> {
        let always = |place| vec![(Value::Null, place)];
        match self {
            Self::Intent => always(Some(Self::Ask(Entity::UserEmail))),
            Self::Ask(Entity::UserEmail) => always(Some(Self::Run(Node::OtpSend))),
            Self::Ask(Entity::Otp) => always(Some(Self::Run(Node::OtpVerify))),
            Self::Empty(entity) => always(Some(Self::Ask(entity))),
            Self::Say(then) => always(place(Next { says: false, then })),
            Self::Run(node) => rules(node),
        }
    }
}

/// Where a dialog is next.
const fn place(Next { says, then }: Next) -> Option<Place> {
    if says {
        return Some(Place::Say(then));
    }
    match then {
        Then::Ask(entity) => Some(Place::Empty(entity)),
        Then::Run(node) => Some(Place::Run(node)),
        Then::Done(_) => None,
    }
}

/// The connection rules of a Webhook node: those of [`after`], spelt out for every status they speak of.
fn rules(node: Node) -> Vec<(Value, Option<Place>)> {
    let next = |otp: &Value| after(Mode::Webhook, node, otp);
    let is =
        |field: &str, value: &str| json!({ "context": format!("otp.{field}"), "op": "eq", "value": value });
    let both = |one: Value, other: Value| json!({ "conjoin": "and", "tests": [one, other] });
    let otherwise = next(&json!({}));
    let mut rules = Vec::new();
    for status in Status::ALL.map(Status::name) {
        let usual = next(&json!({ "status": status }));
        for intent in INTENTS {
            let meant = next(&json!({ "status": status, "intent": intent }));
            if meant != usual {
                rules.push((both(is("status", status), is("intent", intent)), meant));
            }
        }
        let live = next(&json!({ "status": status, "attemptsLeft": 1 }));
        if live != usual {
            let there = json!({ "context": "otp.attemptsLeft", "op": "exists" });
            rules.push((both(is("status", status), there), live));
        }
        if usual != otherwise {
            rules.push((is("status", status), usual));
        }
    }
    rules.push((Value::Null, otherwise));
    rules.into_iter().map(|(test, next)| (test, place(next))).collect()
}

/// Every place that can be reached.
fn places() -> Vec<Place> {
    let mut places = vec![Place::Intent];
    let mut seen = 0;
    while let Some(place) = places.get(seen) {
        for place in place.ways().into_iter().filter_map(|(_, place)| place) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        seen += 1;
    }
    places
}

/// The file.
pub(super) fn dialog() -> Value {
    let places = places();
    let dialog = uuid("dialog");
    let components: Vec<Value> = places.iter().map(|place| component(*place, &dialog)).collect();
    let nodes: Vec<Value> = (0..places.len()).map(|number| placed(&places, number)).collect();
    json!({
        "dialogs": [{
            "_id": format!("dg-{dialog}"),
            "refId": uuid("dialog reference"),
            "lname": "otp authentication",
            "localeData": { "en": { "name": "OTP Authentication", "shortDesc": "Verifies an address by a one-time password" } },
            "nodes": nodes,
            "isHidden": false,
            "isFollowUp": false,
            "vNameSpace": [],
        }],
        "dialogComponents": components,
        "exportOptions": { "tasks": ["botTask"], "nlpData": [], "settings": [] },
    })
}

fn message(channel: &str, kind: &str, text: &str) -> Value {
    json!({ "channel": channel, "localeData": { "en": { "type": kind, "text": coded(text) } } })
}

fn coded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

fn component(place: Place, dialog: &str) -> Value {
    let name = place.name();
    let mut component = json!({
        "_id": format!("dc-{}", uuid(&name)),
        "refId": uuid(&format!("{name} reference")),
        "name": name,
        "type": place.kind(),
        "localeData": { "en": { "label": name } },
        "vNameSpace": [],
        "useTaskLevelNs": true,
    });
    if place == Place::Intent {
        component["dialogId"] = json!(format!("dg-{dialog}"));
    }
    for (key, value) in place.more().as_object().into_iter().flatten() {
        component[key.as_str()] = value.clone();
    }
    component
}

/// A node on the builder's canvas.
fn placed(places: &[Place], number: usize) -> Value {
    let id = |place: Place| {
        let number = places.iter().position(|one| *one == place).unwrap_or_default();
        format!("{}{number}", place.kind())
    };
    let place = places[number];
    let ways = place.ways().into_iter().enumerate().map(|(way, (test, then))| {
        let then = then.map_or_else(|| "end".to_owned(), id);
        let metadata = json!({ "color": "#299d8e", "connId": format!("dummy{}", 100 * number + way) });
        match test {
            Value::Null => json!({ "default": then, "metadata": metadata }),
            test => json!({ "if": test, "then": then, "metadata": metadata }),
        }
    });
    json!({
        "nodeId": id(place),
        "type": place.kind(),
        "componentId": format!("dc-{}", uuid(&place.name())),
        "transitions": ways.collect::<Vec<_>>(),
        "metadata": { "left": 40 + 260 * (number % 4), "top": 120 + 180 * (number / 4) },
        "nodeOptions": { "transitionType": "auto", "promptOptions": "required" },
        "vNameSpace": [],
        "useTaskLevelNs": true,
    })
}

/// A UUID in the form of version 5, which is the one the platform's ids have, always the same for a name.
fn uuid(name: &str) -> String {
    let digest = Sha256::digest(format!("botkit-otp dialog: {name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_file_in_the_repository_is_what_is_made() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kore/otp-authentication.json");
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(kept, dialog(), "write it anew: botkit-otp dialog > deploy/kore/otp-authentication.json");
    }

    #[test]
    fn every_way_leads_somewhere_and_every_node_is_reached() {
        let file = dialog();
        let nodes = file["dialogs"][0]["nodes"].as_array().unwrap();
        let ids: BTreeSet<&str> = nodes.iter().map(|node| node["nodeId"].as_str().unwrap()).collect();
        let mut reached = BTreeSet::from(["intent0"]);
        for node in nodes {
            let ways = node["transitions"].as_array().unwrap();
            // The last one is for whatever is not named: no answer of ours leaves a user without a word.
            assert!(ways.last().unwrap()["default"].is_string(), "{node}");
            for way in ways {
                let then = way["then"].as_str().or(way["default"].as_str()).unwrap();
                assert!(then == "end" || ids.contains(then), "{then}");
                reached.insert(then);
            }
        }
        reached.remove("end");
        assert_eq!(reached, ids);
        let components = file["dialogComponents"].as_array().unwrap();
        let of_ids = |field: &str, all: &[Value]| -> BTreeSet<String> {
            all.iter().map(|one| one[field].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(of_ids("componentId", nodes), of_ids("_id", components));
        let hooks = components.iter().filter(|component| component["type"] == "SDKWebHook");
        let hooks: Vec<&str> = hooks.map(|hook| hook["name"].as_str().unwrap()).collect();
        assert_eq!(hooks, ["OtpSend", "OtpVerify", "OtpCancel"]);
    }

    /// The node that the file's rules lead to from a node, by names.
    fn led_to(file: &Value, name: &str, otp: &Value) -> String {
        let named = |field: &str, value: &Value, of: &str| {
            let components = file["dialogComponents"].as_array().unwrap();
            components.iter().find(|one| one[field] == *value).unwrap()[of].as_str().unwrap().to_owned()
        };
        let nodes = file["dialogs"][0]["nodes"].as_array().unwrap();
        let id = json!(named("name", &json!(name), "_id"));
        let node = nodes.iter().find(|node| node["componentId"] == id).unwrap();
        let holds = |test: &Value| {
            let found = &otp[test["context"].as_str().unwrap().strip_prefix("otp.").unwrap()];
            if test["op"] == "exists" { !found.is_null() } else { *found == test["value"] }
        };
        let way = node["transitions"].as_array().unwrap().iter().find(|way| match &way["if"] {
            Value::Null => true,
            rule => rule["tests"].as_array().map_or_else(|| holds(rule), |tests| tests.iter().all(holds)),
        });
        let way = way.unwrap();
        let then = way["then"].as_str().or(way["default"].as_str()).unwrap();
        match nodes.iter().find(|node| node["nodeId"] == *then) {
            Some(node) => named("_id", &node["componentId"], "name"),
            None => then.to_owned(),
        }
    }

    #[test]
    fn its_rules_are_those_of_the_readme() {
        let file = dialog();
        let first = |next: Next| match (next.says, next.then) {
            (true, Then::Done(End::GoesOn)) => "Verified",
            (true, Then::Done(End::Ends)) => "Say",
            (true, Then::Ask(Entity::UserEmail)) => "SayThenUserEmail",
            (true, Then::Run(Node::OtpSend)) => "SayThenOtpSend",
            (false, Then::Ask(Entity::UserEmail)) => "ForgetEmail",
            (false, Then::Ask(Entity::Otp)) => "ForgetOtp",
            (false, Then::Run(node)) => node.name(),
            (_, then) => panic!("the README goes to {then:?}"),
        };
        for node in [Node::OtpSend, Node::OtpVerify, Node::OtpCancel] {
            for status in Status::ALL.map(Status::name).into_iter().chain(["novel"]) {
                for intent in INTENTS.into_iter().chain(["", "other"]) {
                    for attempts in [Value::Null, json!(0), json!(3)] {
                        let otp = json!({ "status": status, "intent": intent, "attemptsLeft": attempts });
                        let meant = first(after(Mode::Webhook, node, &otp));
                        assert_eq!(led_to(&file, node.name(), &otp), meant, "{node:?} {otp}");
                    }
                }
            }
        }
        for (say, then) in [
            ("SayThenUserEmail", "ForgetEmail"),
            ("SayThenOtpSend", "OtpSend"),
            ("ForgetOtp", "Otp"),
            ("ForgetEmail", "UserEmail"),
            ("UserEmail", "OtpSend"),
            ("Otp", "OtpVerify"),
            ("Verified", "end"),
            ("Say", "end"),
        ] {
            assert_eq!(led_to(&file, say, &json!({})), then);
        }
    }

    #[test]
    fn ids_have_the_platforms_form() {
        let id = uuid("x");
        let form: String = id.chars().map(|digit| if digit == '-' { '-' } else { 'x' }).collect();
        assert_eq!(form, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert!(id[14..15] == *"5" && "89ab".contains(&id[19..20]) && id == uuid("x") && id != uuid("y"));
    }
}
