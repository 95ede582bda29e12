//! `dialog`: the dialog of the README as a file that the platform imports. Its ids are the same every time, so that a later
//! import replaces an earlier one. Experimental: the shape is that of public exports, and has not been tried on a tenant.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::dialog::{Operation, Status};

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

/// Asks for the address, or says what is wrong with the last one.
const ASK: &str = "print(context.otp&&context.otp.message?context.otp.message:\
                   'Which e-mail address may we send a code to?');";

/// A node: its id, its component's type, the component's name and what else it has, and where to go from there.
struct Node {
    id: &'static str,
    kind: &'static str,
    name: String,
    more: Value,
    ways: Vec<Value>,
}

/// The file.
pub(super) fn dialog() -> Value {
    let nodes = nodes();
    let dialog = uuid("dialog");
    let components: Vec<Value> = nodes.iter().map(|node| component(node, &dialog)).collect();
    let placed: Vec<Value> = nodes.iter().enumerate().map(|(place, node)| placed(place, node)).collect();
    json!({
        "dialogs": [{
            "_id": format!("dg-{dialog}"),
            "refId": uuid("dialog reference"),
            "lname": "otp authentication",
            "localeData": { "en": { "name": "OTP Authentication", "shortDesc": "Verifies an address by a one-time password" } },
            "nodes": placed,
            "isHidden": false,
            "isFollowUp": false,
            "vNameSpace": [],
        }],
        "dialogComponents": components,
        "exportOptions": { "tasks": ["botTask"], "nlpData": [], "settings": [] },
    })
}

fn nodes() -> Vec<Node> {
    let never = Timestamp::default();
    let node = |id, kind, name: &str, more, ways| Node { id, kind, name: name.to_owned(), more, ways };
    let is = |status: Status| json!({ "context": "otp.status", "op": "eq", "value": status.name() });
    let to = |then: &str, test: Value| json!({ "if": test, "then": then });
    let all =
        |then: &str, states: &[Status]| states.iter().map(|state| to(then, is(*state))).collect::<Vec<_>>();
    let waiting = json!({
        "conjoin": "and",
        "tests": [is(Status::Cooldown { until: never }), { "context": "otp.attemptsLeft", "op": "exists" }],
    });
    let script = |script: &str| json!({ "script": coded(script) });
    vec![
        node(
            "intent0",
            "intent",
            "OtpAuthentication",
            json!({ "localeData": { "en": { "label": "OTP Authentication", "intent": "OTP Authentication" } } }),
            vec![otherwise("entity1")],
        ),
        node(
            "entity1",
            "entity",
            "UserEmail",
            json!({ "entityType": "email", "message": [message("default", "uxmap", ASK)], "errorMessage": [] }),
            vec![otherwise("SDKWebHook2")],
        ),
        node(
            "SDKWebHook2",
            "SDKWebHook",
            &component_name(Operation::Send),
            json!({}),
            [
                all("script3", &[Status::Sent, Status::Queued]),
                vec![to("script3", waiting)],
                all("script4", &[Status::InvalidDestination, Status::Undeliverable]),
                vec![otherwise("message8")],
            ]
            .concat(),
        ),
        node(
            "script3",
            "script",
            "ForgetOtp",
            script("delete context.entities.Otp;"),
            vec![otherwise("entity5")],
        ),
        node(
            "script4",
            "script",
            "ForgetEmail",
            script("delete context.entities.UserEmail;"),
            vec![otherwise("entity1")],
        ),
        node(
            "entity5",
            "entity",
            "Otp",
            json!({ "entityType": "label", "message": said(), "errorMessage": [] }),
            vec![otherwise("SDKWebHook6")],
        ),
        node(
            "SDKWebHook6",
            "SDKWebHook",
            &component_name(Operation::Verify),
            json!({}),
            [
                all("message7", &[Status::Verified]),
                all(
                    "script3",
                    &[
                        Status::Incorrect,
                        Status::Superseded,
                        Status::Unrecognized,
                        Status::Cooldown { until: never },
                    ],
                ),
                all("SDKWebHook2", &[Status::Expired, Status::NoChallenge, Status::SendFailed]),
                all("script4", &[Status::Undeliverable]),
                vec![otherwise("message8")],
            ]
            .concat(),
        ),
        node("message7", "message", "Verified", json!({ "message": plain() }), vec![otherwise("end")]),
        node("message8", "message", "Say", json!({ "message": plain() }), vec![otherwise("end")]),
    ]
}

fn otherwise(then: &str) -> Value {
    json!({ "default": then })
}

/// `OtpSend` and the like.
fn component_name(operation: Operation) -> String {
    let mut letters = operation.name().chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    format!("Otp{}{}", first.unwrap_or_default(), letters.as_str())
}

fn message(channel: &str, kind: &str, text: &str) -> Value {
    json!({ "channel": channel, "localeData": { "en": { "type": kind, "text": coded(text) } } })
}

/// What we say last.
fn plain() -> Value {
    json!([message("default", "basic", "{{context.otp.message}}")])
}

/// What we say where something can be answered.
fn said() -> Value {
    json!([message("default", "basic", "{{context.otp.message}}"), message("rtm", "uxmap", QUICK_REPLIES)])
}

fn coded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

fn component(node: &Node, dialog: &str) -> Value {
    let mut component = json!({
        "_id": format!("dc-{}", uuid(&node.name)),
        "refId": uuid(&format!("{} reference", node.name)),
        "name": node.name,
        "type": node.kind,
        "localeData": { "en": { "label": node.name } },
        "vNameSpace": [],
        "useTaskLevelNs": true,
    });
    if node.kind == "intent" {
        component["dialogId"] = json!(format!("dg-{dialog}"));
    }
    for (key, value) in node.more.as_object().into_iter().flatten() {
        component[key.as_str()] = value.clone();
    }
    component
}

/// A node in its place on the builder's canvas.
fn placed(place: usize, node: &Node) -> Value {
    let ways = node.ways.iter().enumerate().map(|(number, way)| {
        let mut way = way.clone();
        way["metadata"] = json!({ "color": "#299d8e", "connId": format!("dummy{}", 100 * place + number) });
        way
    });
    json!({
        "nodeId": node.id,
        "type": node.kind,
        "componentId": format!("dc-{}", uuid(&node.name)),
        "transitions": ways.collect::<Vec<_>>(),
        "metadata": { "left": 40 + 260 * (place % 4), "top": 120 + 180 * (place / 4) },
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
        let hooks: Vec<_> =
            hooks.map(|hook| Operation::of_component(hook["name"].as_str().unwrap())).collect();
        assert_eq!(hooks, [Some(Operation::Send), Some(Operation::Verify)]);
    }

    #[test]
    fn ids_have_the_platforms_form() {
        let id = uuid("x");
        let form: String = id.chars().map(|digit| if digit == '-' { '-' } else { 'x' }).collect();
        assert_eq!(form, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert!(id[14..15] == *"5" && "89ab".contains(&id[19..20]) && id == uuid("x") && id != uuid("y"));
    }
}
