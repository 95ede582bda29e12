//! The console in a real browser, headless Chromium, driven through chromedriver.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use botkit_otp::telemetry::Stopwatch;
use libtest_mimic::Failed;
use serde_json::{Value, json};
use tempfile::TempDir;

type Outcome = Result<(), Failed>;

/// A test, and its name.
pub(crate) type Test = (&'static str, fn() -> Outcome);

/// One browser at a time: they are large.
static TURN: Mutex<()> = Mutex::new(());

/// What is tried in it.
pub(crate) const TESTS: [Test; 4] = [
    ("console_verifies_refuses_and_expires", verified_refused_and_expired),
    ("console_resends_bounces_and_misbehaves", resent_bounced_and_misbehaved),
    ("console_in_arabic", in_arabic),
    ("console_by_keyboard_on_a_phone", by_keyboard_on_a_phone),
];

/// Whether there is a browser, and what drives it.
pub(crate) fn is_there() -> bool {
    let has = |program: &str| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    has("chromium") && has("chromedriver")
}

/// A program that stops when it is no longer needed.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program, and reads on until `found` makes something of a line.
pub(crate) fn start(
    command: &mut Command,
    found: impl Fn(&str) -> Option<String>,
) -> Result<(Running, String), Failed> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut said = BufReader::new(child.stdout.take().ok_or("no output")?);
    let running = Running(child);
    let mut line = String::new();
    while said.read_line(&mut line)? > 0 {
        if let Some(found) = found(&line) {
            // Whoever writes on must not find the pipe closed.
            std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
            return Ok((running, found));
        }
        line.clear();
    }
    Err("it stopped".into())
}

/// The console's page, open in a browser. It is driven by `WebDriver`, a protocol that is JSON over HTTP.
struct Page {
    http: reqwest::Client,
    session: String,
}

/// Keys, as that protocol writes them.
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";

/// How the page is looked at.
#[derive(Clone, Copy)]
enum Look {
    Wide,
    Dark,
    Phone,
}

/// Opens the console of a server of its own, and does something on it.
fn with_page(look: Look, test: impl AsyncFnOnce(&Page) -> Outcome) -> Outcome {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = TempDir::new()?;
    let (_server, console) = start(
        Command::new(env!("CARGO_BIN_EXE_botkit-otp"))
            .current_dir(folder.path())
            .env_clear()
            .env("PORT", "0"),
        |line| Some(line.strip_prefix("Open ")?.split(' ').next()?.to_owned()),
    )?;
    let (_chromedriver, port) = start(Command::new("chromedriver").arg("--port=0"), |line| {
        let (_, port) = line.trim().trim_end_matches('.').rsplit_once("started successfully on port ")?;
        Some(port.to_owned())
    })?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let profile = format!("--user-data-dir={}", folder.path().join("browser").display());
        let mut arguments =
            vec!["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server", &profile];
        if let Look::Dark = look {
            arguments.push("--blink-settings=preferredColorScheme=0");
        }
        let mut options = json!({ "args": arguments });
        if let Look::Phone = look {
            // No window is that narrow.
            let screen = json!({ "width": 320, "height": 640, "pixelRatio": 2, "mobile": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": screen });
        }
        let page = Page::open(&format!("http://127.0.0.1:{port}"), &options).await?;
        page.size(1_000).await?;
        page.tell("url", &json!({ "url": console })).await?;
        let outcome = test(&page).await;
        if outcome.is_err() {
            page.picture("failed").await?;
        }
        page.http.delete(&page.session).send().await?;
        outcome
    })
}

impl Page {
    async fn open(driver: &str, options: &Value) -> Result<Self, Failed> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut page = Self { http, session: driver.to_owned() };
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options });
        let opened = page.tell("session", &json!({ "capabilities": { "alwaysMatch": wanted } })).await?;
        let id = opened["sessionId"].as_str().ok_or("no session")?;
        page.session = format!("{driver}/session/{id}");
        Ok(page)
    }

    /// Gives the browser an order, and takes its answer.
    async fn tell(&self, order: &str, body: &Value) -> Result<Value, Failed> {
        let request = self.http.post(format!("{}/{order}", self.session));
        let mut answer: Value = request.json(body).send().await?.json().await?;
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", answer["value"]["message"]).into()),
            None => Ok(answer["value"].take()),
        }
    }

    async fn run(&self, script: &str) -> Result<Value, Failed> {
        self.tell("execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// The browser's own name for the element that a script returns.
    async fn element(&self, script: &str) -> Result<String, Failed> {
        let found = self.run(script).await?;
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        Ok(id.ok_or("there is no such element")?.to_owned())
    }

    async fn find(&self, selector: &str) -> Result<String, Failed> {
        self.element(&format!("return document.querySelector({})", json!(selector))).await
    }

    async fn types(&self, element: &str, keys: &str) -> Outcome {
        self.tell(&format!("element/{element}/value"), &json!({ "text": keys })).await?;
        Ok(())
    }

    /// Makes the window this high.
    async fn size(&self, height: u64) -> Outcome {
        self.tell("window/rect", &json!({ "x": 0, "y": 0, "width": 1_500, "height": height })).await?;
        Ok(())
    }

    /// The words of an element.
    async fn words(&self, selector: &str) -> Result<String, Failed> {
        let script = format!("return document.querySelector({})?.innerText ?? ''", json!(selector));
        Ok(self.run(&script).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until an element has these words.
    async fn sees(&self, selector: &str, words: &str) -> Outcome {
        let patience = Stopwatch::start();
        loop {
            let seen = self.words(selector).await?;
            if seen.contains(words) {
                return Ok(());
            }
            if patience.elapsed() > Duration::from_secs(15) {
                return Err(format!("no {words:?} in {selector}, but: {seen}").into());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until the last that the bot has said holds these words.
    async fn hears(&self, words: &str) -> Outcome {
        self.sees("#chat :nth-last-child(1 of .bot)", words).await
    }

    /// Clicks on something, once it is there and stands still.
    async fn click(&self, selector: &str) -> Outcome {
        let patience = Stopwatch::start();
        loop {
            let clicked = async {
                let id = self.find(selector).await?;
                self.tell(&format!("element/{id}/click"), &json!({})).await
            };
            let clicked = clicked.await;
            match clicked {
                Ok(_) => return Ok(()),
                Err(problem) if patience.elapsed() > Duration::from_secs(10) => return Err(problem),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn says(&self, words: &str) -> Outcome {
        let field = self.find("#text").await?;
        self.types(&field, &[words, ENTER].concat()).await
    }

    async fn chooses(&self, select: &str, value: &str) -> Outcome {
        self.click(&format!("{select} option[value=\"{value}\"]")).await
    }

    /// Presses keys, wherever the focus is.
    async fn press(&self, keys: &str) -> Outcome {
        let focused = self.element("return document.activeElement").await?;
        self.types(&focused, keys).await
    }

    /// Keeps a picture of the whole page, if somebody wants to look at it: `SCREENSHOTS` names the folder.
    async fn picture(&self, name: &str) -> Outcome {
        let Some(folder) = std::env::var_os("SCREENSHOTS") else { return Ok(()) };
        let height = self.run("return document.documentElement.scrollHeight").await?;
        self.size(height.as_u64().unwrap_or(1_000) + 160).await?;
        let picture: Value =
            self.http.get(format!("{}/screenshot", self.session)).send().await?.json().await?;
        let picture = STANDARD.decode(picture["value"].as_str().unwrap_or_default())?;
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture)?;
        Ok(())
    }
}

fn verified_refused_and_expired() -> Outcome {
    with_page(Look::Wide, async |page| {
        page.hears("Which e-mail address may we send a code to?").await?;
        page.says("mira@example.com").await?;
        page.hears("We sent a 6-digit code to m...a@example.com.").await?;
        page.sees("#mail-head", "mira@example.com").await?;
        page.click("#type-wrong").await?;
        page.hears("That is not the right code. Please check it and try again: 4 tries left.").await?;
        page.sees("#session mark", "●").await?;
        page.sees("#session", "\"attemptsLeft\": 4, ●").await?;
        page.click("[data-advance=\"300\"]").await?;
        page.sees("#clock", "5 min ahead").await?;
        page.click("#type-code").await?;
        page.sees("#chat", "That code has expired. Please ask for a new one.").await?;
        page.hears("We sent a 6-digit code").await?;
        page.sees("#mail-count", "2").await?;

        // On the wire codes and tokens are hidden, until they are asked for.
        let code = page.run("return mails[0].code").await?.as_str().unwrap().to_owned();
        page.click("#type-code").await?;
        page.hears("Thank you, that is the right code. You are verified.").await?;
        page.sees("#wire li:last-child", "verified · 200").await?;
        page.click("#wire li:last-child summary").await?;
        page.sees("#wire li:last-child", "token: ••••••").await?;
        page.sees("#wire li:last-child", "\"Otp\": \"••••••\"").await?;
        assert!(!page.words("#wire").await?.contains(&code));
        page.picture("verified").await?;
        page.click("#reveal").await?;
        page.sees("#wire li:last-child", "verified · 200").await?;
        page.click("#wire li:last-child summary").await?;
        page.sees("#wire li:last-child", &format!("\"Otp\": \"{code}\"")).await?;
        page.sees("#wire li:last-child", "token: eyJ").await?;
        Ok(())
    })
}

fn resent_bounced_and_misbehaved() -> Outcome {
    with_page(Look::Wide, async |page| {
        page.hears("Which e-mail address").await?;
        page.says("mira@example.com").await?;
        page.hears("We sent a 6-digit code").await?;
        page.click("[data-advance=\"30\"]").await?;
        page.sees("#told", "30 s ahead").await?;
        page.click("#options button:first-child").await?;
        page.hears("We sent a new code to m...a@example.com. Only the newest code works.").await?;
        page.sees("#mail-count", "2").await?;
        page.click("#again").await?;
        page.sees("#chat .note:last-child", "The answer is the same as before.").await?;
        page.click("#options button:nth-child(2)").await?;
        page.hears("Which e-mail address").await?;
        page.click("#fail").await?;
        page.sees("#told", "outbox fails next: bounce").await?;
        page.says("nora@example.org").await?;
        page.sees("#chat", "We could not reach n...a@example.org.").await?;
        page.click("[data-prank=\"redact\"]").await?;
        page.sees("#chat", "PII redaction leaves it").await?;
        page.says("mira@example.com").await?;
        page.hears("Sorry, we could not read that.").await?;
        Ok(())
    })
}

fn in_arabic() -> Outcome {
    with_page(Look::Dark, async |page| {
        page.hears("Which e-mail address").await?;
        page.chooses("#mode", "conversation").await?;
        page.sees("#wire", "on_bot_message").await?;
        page.chooses("#language", "ar").await?;
        page.sees("#options", "إلغاء").await?;
        page.says("mira@example.com").await?;
        page.sees("#mail-head", "mira@example.com").await?;
        assert_eq!(
            page.run("return document.querySelector('#chat .bot:last-of-type, #chat .bot').dir").await?,
            "rtl"
        );
        page.sees("#options", "إعادة").await?;
        let background = "return getComputedStyle(document.body).backgroundColor";
        assert_eq!(page.run(background).await?, "rgb(20, 23, 28)", "it is not dark");
        page.picture("arabic").await?;
        page.click("#type-code").await?;
        page.sees("#wire", "sendBotMessage").await?;
        page.sees("#wire li:last-child", "sendUserMessage").await?;
        page.sees("#session", "\"status\": \"verified\"").await?;
        Ok(())
    })
}

fn by_keyboard_on_a_phone() -> Outcome {
    with_page(Look::Phone, async |page| {
        page.hears("Which e-mail address").await?;
        let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        assert_eq!(page.run(wide).await?, false, "it scrolls sideways");
        // The first thing that Tab finds leads to the message box.
        page.press(TAB).await?;
        assert_eq!(page.run("return document.activeElement.className").await?, "skip");
        page.press(ENTER).await?;
        page.press("mira@example.com").await?;
        page.press(ENTER).await?;
        page.hears("We sent a 6-digit code").await?;
        page.sees("#mail-count", "1").await?;
        page.picture("narrow").await?;
        // From there to the button that types the code, with Tab alone.
        for _ in 0..30 {
            page.press(TAB).await?;
            let outlined =
                "const at = document.activeElement; return [at.id, getComputedStyle(at).outlineStyle]";
            let at = page.run(outlined).await?;
            assert_eq!(at[1], "solid", "the focus on {} cannot be seen", at[0]);
            if at[0] == "type-code" {
                break;
            }
        }
        page.press(ENTER).await?;
        page.hears("You are verified.").await?;
        assert_eq!(page.run(wide).await?, false, "it scrolls sideways");
        Ok(())
    })
}
