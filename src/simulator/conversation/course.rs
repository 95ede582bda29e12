//! The dialog's course: nodes run and entities are asked for, as its table says, until it waits for the user or is over.

use serde_json::json;

use super::Conversation;
use crate::address::Channel;
use crate::botkit;
use crate::dialog::catalogue::{Phrase, Values};
use crate::simulator::Prank;
use crate::simulator::dialog::{End, Entity, Mode, Next, Node, Then, after};

impl Conversation {
    /// Runs the dialog from its beginning, until it waits for the user.
    pub async fn begin(&mut self) {
        self.context["entities"] = json!({});
        if let Some(context) = self.context.as_object_mut() {
            context.remove("otp");
        }
        let first = match self.mode {
            Mode::Webhook => Then::Ask(Entity::UserEmail),
            Mode::Conversation => Then::Run(Node::OtpStart),
        };
        self.go(first).await;
    }

    /// Takes what the user said, where the dialog waits for that; begins anew where it does not.
    pub(super) async fn bot_hears(&mut self, text: String) {
        let Some(entity) = self.asks.take() else {
            // Whatever it was: it starts the only dialog there is.
            return self.begin().await;
        };
        self.context["entities"][entity.name()] = json!(text);
        if entity == Entity::UserEmail
            && let Some(way) = self.way
        {
            self.context["entities"]["channel"] = json!(way.name());
        }
        let node = match (entity, self.mode) {
            (Entity::UserEmail, _) => Node::OtpSend,
            (Entity::Otp, _) => Node::OtpVerify,
        };
        self.go(Then::Run(node)).await;
    }

    async fn go(&mut self, mut then: Then) {
        loop {
            match then {
                Then::Ask(entity) => return self.ask(entity).await,
                Then::Run(node) => {
                    let Some(next) = self.run(node).await else {
                        self.asks = None;
                        self.failed("A Webhook node failed: the platform ends the dialog and apologises.");
                        return;
                    };
                    if next.says {
                        let text = self.context["otp"]["message"].as_str().unwrap_or_default().to_owned();
                        self.bot_says(text, Vec::new()).await;
                    }
                    then = next.then;
                }
                Then::Done(end) => {
                    self.asks = None;
                    let status = self.context["otp"]["status"].as_str().unwrap_or("?").to_owned();
                    self.note(match end {
                        End::GoesOn => {
                            "The dialog goes on: the user is verified. Say anything to begin anew.".to_owned()
                        }
                        End::Ends => format!("The dialog is over ({status}). Say anything to begin anew."),
                        End::Agent => {
                            "Here a human agent would take over. Say anything to begin anew.".to_owned()
                        }
                    });
                    return;
                }
            }
        }
    }

    async fn ask(&mut self, entity: Entity) {
        if let Some(entities) = self.context["entities"].as_object_mut() {
            entities.remove(entity.name());
        }
        self.asks = Some(entity);
        let (text, options) = match entity {
            Entity::Otp => {
                let otp = &self.context["otp"];
                let options = otp["suggestions"].as_array().into_iter().flatten();
                (
                    otp["message"].as_str().unwrap_or_default().to_owned(),
                    options.filter_map(|option| option.as_str().map(str::to_owned)).collect(),
                )
            }
            Entity::UserEmail => (self.ask_for_address(), Vec::new()),
        };
        self.bot_says(text, options).await;
    }

    /// The bot's own prompt; its builder has translated it.
    fn ask_for_address(&mut self) -> String {
        let phrase =
            if self.way.is_some_and(Channel::is_phone) { Phrase::AskNumber } else { Phrase::AskAddress };
        let greets = !std::mem::replace(&mut self.greeted, true);
        let Some(language) = self.catalogue.find(&self.language) else { return String::new() };
        let say = |phrase| language.write(phrase, &Values::default());
        if greets {
            [say(Phrase::Greeting), say(Phrase::SentenceGap), say(phrase)].concat()
        } else {
            say(phrase).into_owned()
        }
    }

    /// Runs a Webhook node; `None` if it failed.
    async fn run(&mut self, node: Node) -> Option<Next> {
        let request = self.request_id();
        let mut body = self.identity.payload(botkit::Event::Webhook, &request);
        if node == Node::OtpStart
            && let Some(way) = self.way
        {
            self.context["entities"]["channel"] = json!(way.name());
        }
        body["dialogComponentName"] = json!(node.name());
        self.context["currentNodeName"] = json!(node.name());
        self.fill(&mut body);
        let path = self.target.path(botkit::Event::Webhook);
        let (what, body) = (format!("on_webhook {}", node.name()), body.to_string());
        let mut reply = self.post(&what, &path, &body).await;
        if self.mischief.take(Prank::Retry) {
            self.note("The answer got lost: the platform calls again.".to_owned());
            reply = self.post(&format!("{what}, again"), &path, &body).await;
        }
        self.last = Some((what, path, body));
        let answer = match reply.status {
            Some(200) => reply.json(),
            Some(202) => self.late_answer(&request).await?,
            _ => return None,
        };
        self.adopt(&answer);
        Some(after(self.mode, node, &self.context["otp"]))
    }
}
