//! What commands print, and what they exit with.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::OnceLock,
};

use anstyle::{AnsiColor, Style};

/// As the standard library's, but that what cannot be written is an error with an exit code, and no panic.
macro_rules! print {
    ($($parts:tt)*) => {
        $crate::output::write(format_args!($($parts)*))
    };
}

/// The same, and a new line.
macro_rules! println {
    () => {
        $crate::output::write(format_args!("\n"))
    };
    ($($parts:tt)*) => {
        $crate::output::write(format_args!("{}\n", format_args!($($parts)*)))
    };
}

/// Writes to standard output. Where that fails nothing that follows would be read either: the program ends.
pub(crate) fn write(text: std::fmt::Arguments<'_>) {
    if let Err(error) = std::io::stdout().lock().write_fmt(text) {
        let exit = fail(
            Exit::System,
            format!("cannot write to standard output: {error}"),
        );
        std::process::exit(exit as i32);
    }
}

/// Text of somebody else, with what would steer a terminal or turn its direction written out.
pub(crate) fn visible(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| match steers(c) {
            true => format!("(U+{:04X})", u32::from(c)),
            false => c.to_string(),
        })
        .collect()
}

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

/// What was said of the output for all commands.
static MANNERS: OnceLock<Manners> = OnceLock::new();

/// Options of every command.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Manners {
    /// Say only what is wrong and what was asked for
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Whether to colour: without a word, where standard output is a terminal and NO_COLOR is not set
    #[arg(long, value_name = "WHEN", global = true, default_value_t)]
    color: clap::ColorChoice,
}

impl Manners {
    /// Makes them hold, once.
    pub(crate) fn keep(self) {
        // The program starts once.
        let _ = MANNERS.set(self);
    }
}

/// Whether colours go to standard output: only to a terminal, and not where `NO_COLOR` is set; or as was said.
pub(crate) fn colours() -> bool {
    match MANNERS.get().copied().unwrap_or_default().color {
        clap::ColorChoice::Always => true,
        clap::ColorChoice::Never => false,
        clap::ColorChoice::Auto => {
            std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

/// Whether only what is wrong, and what was asked for, is to be said.
pub(crate) fn quiet() -> bool {
    MANNERS.get().is_some_and(|manners| manners.quiet)
}

/// A line that nobody has to read.
pub(crate) fn say(message: impl std::fmt::Display) {
    if !quiet() {
        println!("{message}");
    }
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
