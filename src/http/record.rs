//! `serve --record`: what the platform calls, its answers, and what comes of them, on their way into a file. A thread
//! of its own writes it; no request waits for that.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use actix_web::HttpResponse;
use actix_web::body::MessageBody as _;
use actix_web::web::Bytes;
use log::{info, warn};
use serde_json::{Value, json};

use super::{BotSettings, Server};
use crate::botkit::{Bot, Event, Payload, Route};
use crate::clock::Timestamp;
use crate::simulator::{Exchange, Heard, Live, Mail, Side};
use crate::store::replace;

/// What may wait to be written; more is left out.
const WAITING: usize = 256;

/// Writes a recording.
pub struct Recorder {
    state: Mutex<State>,
}

struct State {
    /// `None` when it is over.
    told: Option<SyncSender<Told>>,
    writer: Option<JoinHandle<()>>,
    /// The number of the last mail that was told.
    mail: u64,
}

enum Told {
    Mails(Vec<Mail>),
    Heard(Box<Arrived>, u16, Bytes),
    Called { request: String, door: &'static str, body: Bytes },
}

/// A call of the platform's that has arrived.
pub(super) struct Arrived {
    at: Timestamp,
    request: String,
    event: Event,
    component: String,
    body: String,
    fields: Vec<String>,
    conversation: bool,
}

impl Recorder {
    /// Begins a recording in a new file.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub fn begin(file: &Path) -> std::io::Result<Self> {
        if file.exists() {
            return Err(std::io::Error::other("it is there already; name another, or remove it"));
        }
        write(file, &Live::default())?;
        let (told, heard) = sync_channel(WAITING);
        let file = file.to_owned();
        let writer =
            std::thread::Builder::new().name("record".to_owned()).spawn(move || note(&file, &heard))?;
        Ok(Self { state: Mutex::new(State { told: Some(told), writer: Some(writer), mail: 0 }) })
    }

    /// Ends the recording, with all in the file that was told.
    pub fn end(&self) {
        let writer = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.told = None;
            state.writer.take()
        };
        if writer.is_some_and(|writer| writer.join().is_err()) {
            warn!("--record: the recording broke off");
        }
    }

    /// Keeps of a call what will be written once it is answered; `None` if it is none of those that are.
    pub(super) fn arrives(
        &self,
        server: &Server,
        bot: &Bot<BotSettings>,
        payload: &Payload,
        route: &Route,
    ) -> Option<Arrived> {
        match route.event {
            Event::Webhook | Event::UserMessage | Event::BotMessage => {}
            Event::AgentTransfer
            | Event::Event
            | Event::Alert
            | Event::VariableUpdate
            | Event::ClientEvent => return None,
        }
        // What was mailed before it arrived, something else has sent.
        self.tell(server, None);
        let BotSettings { destination_fields, channel_fields, code_fields, phone_fields, .. } = &bot.settings;
        let fields = [destination_fields, channel_fields, code_fields, phone_fields];
        Some(Arrived {
            at: server.service.now(),
            request: route.request_id.clone(),
            event: route.event,
            component: payload.component_name().map_or_else(|| route.component.clone(), Into::into),
            body: payload.text().to_owned(),
            fields: fields.into_iter().flatten().map(ToString::to_string).collect(),
            conversation: bot.settings.conversation,
        })
    }

    /// Notes how a call was answered.
    pub(super) fn answered(&self, server: &Server, arrived: Arrived, response: HttpResponse) -> HttpResponse {
        let status = response.status().as_u16();
        let (response, body) = response.into_parts();
        let body = body.try_into_bytes().unwrap_or_default();
        if matches!(status, 200 | 202) {
            self.tell(server, Some(Told::Heard(Box::new(arrived), status, body.clone())));
        } else {
            info!("--record: a call that was answered with {status} is left out");
        }
        response.set_body(body).map_into_boxed_body()
    }

    /// Notes a call that the platform took.
    pub(super) fn called(&self, server: &Server, route: &Route, door: &'static str, body: Bytes) {
        self.tell(server, Some(Told::Called { request: route.request_id.clone(), door, body }));
    }

    /// Hands on what there is to be noted, and after it the mails that have gone out since the last time: it sent them.
    fn tell(&self, server: &Server, told: Option<Told>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let after = state.mail;
        let sent =
            server.service.deliveries.dev.as_ref().map(|dev| dev.outbox.after(after)).unwrap_or_default();
        state.mail = sent.last().map_or(after, crate::delivery::Sent::number);
        let mails: Vec<Mail> = sent
            .iter()
            .filter_map(|sent| {
                let mail: Mail = serde_json::from_value(serde_json::to_value(sent).ok()?).ok()?;
                Some(Mail { id: sent.challenge().to_owned(), ..mail })
            })
            .collect();
        let Some(channel) = &state.told else { return };
        let mails = Some(Told::Mails(mails)).filter(|_| !sent.is_empty());
        for told in [told, mails].into_iter().flatten() {
            if let Err(TrySendError::Full(_)) = channel.try_send(told) {
                warn!("--record: too much at once; something is left out");
            }
        }
    }
}

/// Notes what is told, and writes it down whenever there is nothing more to note.
fn note(file: &Path, told: &Receiver<Told>) {
    let mut live = Live::default();
    while let Ok(first) = told.recv() {
        for told in std::iter::once(first).chain(told.try_iter()) {
            match told {
                Told::Mails(mails) => live.mails(mails),
                Told::Heard(arrived, status, answer) => match arrived.heard(status, &answer) {
                    Some(heard) => live.heard(heard),
                    None => warn!("--record: a call is left out: its body cannot be read"),
                },
                Told::Called { request, door, body } => {
                    live.called(request, door, serde_json::from_slice(&body).unwrap_or_default());
                }
            }
        }
        if let Err(error) = write(file, &live) {
            warn!("--record: {} cannot be written: {error}", file.display());
        }
    }
}

impl Arrived {
    fn heard(self, status: u16, answer: &[u8]) -> Option<Heard> {
        let mut body: Value = serde_json::from_str(&self.body).ok()?;
        body["dialogComponentName"] = json!(self.component);
        let exchange = Exchange {
            from: Side::Platform,
            what: self.event.name().to_owned(),
            url: String::new(),
            token: (String::new(), String::new()),
            body,
            status: Some(status),
            answer: serde_json::from_slice(answer).ok()?,
            millis: 0,
            problem: None,
        };
        let Self { at, request, fields, conversation, .. } = self;
        Some(Heard { at, request, exchange, fields, conversation })
    }
}

fn write(file: &Path, live: &Live) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().ok_or_else(|| std::io::Error::other("that is no file's name"))?;
    let text = format!("{:#}\n", live.scenario());
    replace(folder, &name.to_string_lossy(), &[text.as_bytes()])
}
