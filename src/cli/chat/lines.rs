//! Lines that are typed, with an editor where there is a terminal, or that come out of a pipe.

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::Result;
use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};
use tokio::sync::mpsc;

/// Puts text on the terminal without disturbing what is being typed.
pub(super) type Printer = Box<dyn FnMut(String) + Send>;

/// Where lines come from. They are read on a thread of their own, one when it is asked for.
pub(super) struct Lines {
    wanted: mpsc::UnboundedSender<()>,
    typed: mpsc::UnboundedReceiver<Option<String>>,
    printer: Option<Printer>,
}

impl Lines {
    /// Opens the terminal or the pipe. `prompt` stands in front of what is typed.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub(super) fn open(prompt: &'static str) -> Result<Self> {
        let (wanted, mut wants) = mpsc::unbounded_channel();
        let (sender, typed) = mpsc::unbounded_channel();
        if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
            std::thread::spawn(move || {
                let mut input = std::io::stdin().lock();
                while wants.blocking_recv().is_some() {
                    let mut line = String::new();
                    let read = input.read_line(&mut line).is_ok_and(|length| length > 0);
                    if sender.send(read.then_some(line)).is_err() || !read {
                        return;
                    }
                }
            });
            return Ok(Self { wanted, typed, printer: None });
        }
        let mut editor = DefaultEditor::new()?;
        let mut printer = editor.create_external_printer()?;
        std::thread::spawn(move || {
            while wants.blocking_recv().is_some() {
                let line = match editor.readline(prompt) {
                    Ok(line) => {
                        let _ = editor.add_history_entry(&line);
                        Some(line)
                    }
                    // Ctrl-C and Ctrl-D.
                    Err(ReadlineError::Interrupted | ReadlineError::Eof | _) => None,
                };
                let over = line.is_none();
                if sender.send(line).is_err() || over {
                    return;
                }
            }
        });
        let print = Box::new(move |text| {
            let _ = printer.print(text);
        });
        Ok(Self { wanted, typed, printer: Some(print) })
    }

    /// What prints while a line is typed; `None` where none are.
    pub(super) fn printer(&mut self) -> Option<Printer> {
        self.printer.take()
    }

    /// Asks for a line.
    pub(super) fn want(&self) {
        let _ = self.wanted.send(());
    }

    /// The line that was asked for; `None` if there are no more.
    pub(super) async fn next(&mut self) -> Option<String> {
        self.typed.recv().await.flatten()
    }
}
