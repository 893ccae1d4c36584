//! What the owner of a policy or a record should know: every problem, what it does to mail, and
//! what to do about it.
//!
//! The codes are stable. A finding is [`Level::Off`] only where the parsers of this crate find
//! nothing usable, so that the advice and the engine never disagree.
//! ```
//! use mta_sts_core::lint::{self, Level};
//!
//! let findings = lint::policy(b"version: STSv1\nmode: enforce\nmx mail.example.com\nmax_age: 604800\n");
//! let worst = findings.iter().map(|finding| finding.level).max();
//! assert_eq!(worst, Some(Level::Off));
//! assert_eq!((findings[0].code, findings[0].line, findings[0].column), ("STS-P011", 3, 1));
//! ```

mod policy;
mod txt;

pub use policy::policy;
pub use txt::{record, tlsrpt};

use crate::policy::Position;
use alloc::string::String;
use core::fmt;

/// What a finding does to mail. The later, the worse.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Level {
    /// Advice.
    Tip,
    /// Valid or tolerated, but some senders read it differently.
    Interop,
    /// It works today, and will break or protects less than it seems to.
    Risk,
    /// Senders behave as if there were no MTA-STS. Those that hold an earlier policy still apply it.
    Off,
    /// A conforming sender refuses to deliver.
    Block,
}

impl Level {
    /// The word that users see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tip => "TIP",
            Self::Interop => "INTEROP",
            Self::Risk => "RISK",
            Self::Off => "OFF",
            Self::Block => "BLOCK",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something to know about a text, and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// A stable name, such as `STS-P007`.
    pub code: &'static str,
    /// What it does to mail.
    pub level: Level,
    /// The index of the record in the RRset; 0 for a policy.
    pub record: usize,
    /// The offset of the first octet concerned.
    pub start: usize,
    /// The offset after the last octet concerned.
    pub end: usize,
    /// The line of `start`, from 1.
    pub line: usize,
    /// The column of `start` in characters, from 1.
    pub column: usize,
    /// What is there, and what it means for mail.
    pub message: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// Where the rule stands.
    pub reference: &'static str,
    /// What to put in place of the octets from `start` to `end`, where that is surely right.
    pub fix: Option<String>,
}

/// The fixed part of a finding.
#[derive(Clone, Copy)]
struct Rule {
    code: &'static str,
    level: Level,
    message: &'static str,
    advice: &'static str,
    reference: &'static str,
}

impl Rule {
    const fn new(code: &'static str, level: Level, message: &'static str, advice: &'static str) -> Self {
        Self { code, level, message, advice, reference: "RFC 8461 §3.2" }
    }

    const fn per(self, reference: &'static str) -> Self {
        Self { reference, ..self }
    }

    const fn at_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    fn at(self, text: &[u8], record: usize, start: usize, end: usize) -> Finding {
        let Self { code, level, message, advice, reference } = self;
        let Position { line, column } = Position::of(text, start);
        Finding { code, level, record, start, end, line, column, message, advice, reference, fix: None }
    }
}
