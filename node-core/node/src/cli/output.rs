//! What the commands print.

use std::io::{self, IsTerminal, Write};

use serde_json::{Value, json};
use umbel_api::ApiError;

/// Results on stdout, everything else on stderr.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// A result: `value` with `--json`, else `text`.
    pub(super) fn result(self, value: &Value, text: &str) {
        if self.json {
            line(&mut io::stdout(), &value.to_string());
        } else {
            line(&mut io::stdout(), text);
        }
    }

    /// Something the person should know beside the result.
    pub(super) fn note(self, text: &str) {
        line(&mut io::stderr(), text);
    }

    /// Why there is no result: one line.
    pub(super) fn error(self, error: &ApiError) {
        if self.json {
            line(&mut io::stdout(), &json!({ "error": error_json(error) }).to_string());
        } else {
            line(&mut io::stderr(), &format!("error: {}", error.message.replace('\n', " ")));
        }
    }

    /// Whether somebody is there who can be asked.
    pub(super) fn can_ask(self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks on the terminal; yes where nobody can be asked.
    pub(super) fn confirm(self, question: &str) -> bool {
        if !self.can_ask() {
            return true;
        }
        let mut answer = String::new();
        write_flushed(&mut io::stderr(), &format!("{question} [y/N] "));
        io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }
}

/// An error with `--json`.
pub(super) fn error_json(error: &ApiError) -> Value {
    let mut value = json!({ "code": error.code, "message": error.message });
    if let Some(rule) = &error.rule {
        value["rule"] = json!(rule);
    }
    value
}

/// A closed pipe ends the program's usefulness, not its work.
fn line(out: &mut impl Write, text: &str) {
    write_flushed(out, &format!("{text}\n"));
}

fn write_flushed(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
