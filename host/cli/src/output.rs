//! What commands print, and what they exit with.

use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Style};

/// Exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All is well.
    Fine = 0,
    /// The pack, a case or a request is wrong.
    Wrong = 1,
    /// The command is.
    Usage = 2,
    /// The machine refused something: a file, a port.
    System = 3,
}

/// Whether colours go to standard output: only to a terminal, and not where `NO_COLOR` is set.
pub(crate) fn colours() -> bool {
    std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Text in green or red, where there are colours.
pub(crate) fn coloured(text: &str, good: bool) -> String {
    if !colours() {
        return text.to_owned();
    }
    let colour = if good {
        AnsiColor::Green
    } else {
        AnsiColor::Red
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// One line on standard error, as every failure of a command is reported.
pub(crate) fn fail(exit: Exit, message: impl std::fmt::Display) -> Exit {
    eprintln!("error: {message}");
    exit
}

/// A value as JSON on standard output.
pub(crate) fn json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("error: {error}"),
    }
}

/// `1 case`, `2 cases`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}
