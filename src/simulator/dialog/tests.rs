use serde_json::json;

use super::*;

const STATUSES: [&str; 21] = [
    "sent",
    "queued",
    "generated",
    "verified",
    "incorrect",
    "superseded",
    "unrecognized",
    "expired",
    "locked",
    "cooldown",
    "limit_reached",
    "no_challenge",
    "already_verified",
    "invalid_destination",
    "redacted_input",
    "send_failed",
    "undeliverable",
    "cancelled",
    "unknown_component",
    "misconfigured",
    "unavailable",
];

/// The rows of the README's table with this heading, as lists of cells.
fn table(heading: &str) -> Vec<Vec<String>> {
    let readme = include_str!("../../../README.md");
    let start = readme.find(heading).expect("the README has the table");
    let rows = readme[start..].lines().skip(2).take_while(|line| line.trim_start().starts_with('|'));
    rows.map(|row| row.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The texts in back-ticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// What the README's cell asks for.
fn next(cell: &str) -> Next {
    let then = if cell.contains("`UserEmail`") {
        Then::Ask(Entity::UserEmail)
    } else if cell.contains("`Otp`") {
        Then::Ask(Entity::Otp)
    } else if cell.contains("`OtpSend`") {
        Then::Run(Node::OtpSend)
    } else if cell.contains("`OtpCancel`") {
        Then::Run(Node::OtpCancel)
    } else if cell.contains("`OtpStart`") {
        Then::Run(Node::OtpStart)
    } else if cell.contains("on with your task") {
        Then::Done(End::GoesOn)
    } else if cell.contains("agent transfer") {
        Then::Done(End::Agent)
    } else {
        Then::Done(End::Ends)
    };
    let says = cell.contains("`Say`") || cell.contains("on with your task");
    Next { says, then }
}

/// What the README's rows say of a node and an answer: the first row that speaks of it counts.
fn readme(rows: &[Vec<String>], node: Node, otp: &Value) -> Next {
    let live = !otp["attemptsLeft"].is_null();
    let status = otp["status"].as_str().unwrap();
    let row = rows.iter().find(|row| {
        if !quoted(&row[0]).contains(&node.name()) {
            return false;
        }
        let rule = &row[1];
        if rule.contains("anything else") {
            return true;
        }
        // One row may hold several alternatives: "...; `cooldown` if `context.otp.attemptsLeft` is there".
        rule.split(';').flat_map(|part| part.split(", or is ")).any(|part| {
            let words = quoted(part).into_iter().filter(|word| !word.contains('.'));
            let (statuses, intents): (Vec<&str>, Vec<&str>) = words.partition(|word| STATUSES.contains(word));
            let meant = otp["intent"].as_str().unwrap();
            (statuses.is_empty() || statuses.contains(&status))
                && (intents.is_empty() || intents.contains(&meant))
                && (live || !part.contains("is there"))
                && (!live || !part.contains("is not there"))
        })
    });
    next(&row.unwrap_or_else(|| panic!("no row for {node:?} {otp}"))[2])
}

#[test]
fn the_dialogs_are_those_of_the_readme() {
    let nodes = table("| after | `context.otp.status`");
    let conversation = table("| after | if |");
    for status in STATUSES {
        for attempts in [json!(null), json!(3)] {
            for intent in ["", "resend", "change_address", "cancel", "agent", "yes"] {
                // Only these carry what the user meant instead.
                let intent =
                    if ["unrecognized", "no_challenge", "expired"].contains(&status) { intent } else { "" };
                let otp = json!({ "status": status, "attemptsLeft": attempts, "intent": intent });
                for (mode, rows, node) in [
                    (Mode::Webhook, &nodes, Node::OtpSend),
                    (Mode::Webhook, &nodes, Node::OtpVerify),
                    (Mode::Webhook, &nodes, Node::OtpCancel),
                    (Mode::Conversation, &conversation, Node::OtpStart),
                    (Mode::Conversation, &conversation, Node::OtpVerify),
                ] {
                    assert_eq!(after(mode, node, &otp), readme(rows, node, &otp), "{mode:?} {node:?} {otp}");
                }
            }
        }
    }
}
