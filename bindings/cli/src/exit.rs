//! How a run ends.

use std::process::ExitCode;

/// What was learnt, as the exit code says it to scripts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Exit {
    /// All is fine, or there are tips only.
    Fine,
    /// It works, with a risk, or some senders read it differently.
    Warning,
    /// Mail is refused, or MTA-STS is off.
    Off,
    /// It could not be learnt.
    Unknown,
    /// The command line or the input is not what the command takes.
    Usage,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Warning => 1,
            Self::Off => 2,
            Self::Unknown => 3,
            Self::Usage => 64,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A command's answer.
#[derive(Debug)]
pub(crate) struct Done {
    /// All of standard output, with ANSI styles.
    pub(crate) text: String,
    pub(crate) exit: Exit,
}

impl Done {
    /// A JSON value on a line of its own, or several if a person may want to read it.
    pub(crate) fn json(value: &impl serde::Serialize, exit: Exit) -> Self {
        // Only maps with keys other than strings can fail, and there are none.
        let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
        text.push('\n');
        Self { text, exit }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Stop {
    /// One sentence without a final dot; no octets of the outside unescaped.
    pub(crate) message: String,
    pub(crate) exit: Exit,
}

impl Stop {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::Usage }
    }

    pub(crate) fn unknown(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::Unknown }
    }
}
