//! What can be wrong with a policy.

use super::lines::{Key, LineKind};
use crate::mx::MxPatternErrorKind;
use core::{error::Error, fmt};

/// Why a policy is invalid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PolicyError {
    /// What is wrong.
    pub kind: PolicyErrorKind,
    /// Where, in octets from the start of the policy.
    pub at: usize,
}

/// What makes a policy invalid. RFC 8461 §3.2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// `max_age` is not 1 to 10 digits.
    BadMaxAge,
    /// `mode` is not `enforce`, `testing` or `none`.
    BadMode,
    /// An `mx` is not a valid pattern, and none is.
    BadMx(MxPatternErrorKind),
    /// `version` is not `STSv1`.
    BadVersion,
    /// There is no `max_age`.
    NoMaxAge,
    /// There is no `mode`.
    NoMode,
    /// There is no `mx`, and the mode is not `none`.
    NoMx,
    /// There is no `version`.
    NoVersion,
    /// The body is larger than the limit.
    TooLarge,
}

/// Something about a policy that its owner should know, and where it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// The offset of the first octet concerned.
    pub start: usize,
    /// The offset after the last octet concerned.
    pub end: usize,
}

/// Where an octet stands, as people count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The line, from 1. LF ends a line.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The position of the octet at `offset`, or of the end of the text.
    #[must_use]
    pub fn of(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        Self { line: before.iter().filter(|&&b| b == b'\n').count() + 1, column: characters(&before[line_start..]) + 1 }
    }
}

/// How many characters there are; a piece that is not UTF-8 is shown as one.
fn characters(mut text: &[u8]) -> usize {
    let begins_one = |b: &&u8| **b & 0xc0 != 0x80;
    let mut count = 0;
    loop {
        let Err(error) = core::str::from_utf8(text) else { return count + text.iter().filter(begins_one).count() };
        let (valid, rest) = text.split_at(error.valid_up_to());
        count += valid.iter().filter(begins_one).count() + 1;
        text = error.error_len().map_or(&[], |len| &rest[len..]);
    }
}

/// What there can be to say about a policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A name and a colon, but neither a field nor a well-formed extension: ignored.
    BadExtension,
    /// An `mx` that is not a valid pattern: it matches nothing.
    BadMx(MxPatternErrorKind),
    /// A blank line: tolerated, though the ABNF has none.
    BlankLine,
    /// A byte order mark hides the first field.
    ByteOrderMark,
    /// A field stands there a second time: ignored.
    Duplicate(Key),
    /// This makes the policy invalid.
    Invalid(PolicyErrorKind),
    /// White space before the name: the line is no field.
    LeadingSpace,
    /// `max_age` is over the maximum and shortened to it.
    MaxAgeClamped,
    /// A line without a colon: it is no field.
    NoColon,
    /// White space before the colon: the line is no field.
    SpaceBeforeColon,
}

impl PolicyErrorKind {
    /// Its name for programs, such as `bad-max-age`. Names never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadMaxAge => "bad-max-age",
            Self::BadMode => "bad-mode",
            Self::BadMx(_) => "bad-mx",
            Self::BadVersion => "bad-version",
            Self::NoMaxAge => "no-max-age",
            Self::NoMode => "no-mode",
            Self::NoMx => "no-mx",
            Self::NoVersion => "no-version",
            Self::TooLarge => "too-large",
        }
    }
}

impl ProblemKind {
    /// Its name for programs, such as `leading-space`. Names never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadExtension => "bad-extension",
            Self::BadMx(_) => "bad-mx",
            Self::BlankLine => "blank-line",
            Self::ByteOrderMark => "byte-order-mark",
            Self::Duplicate(_) => "duplicate",
            Self::Invalid(kind) => kind.as_str(),
            Self::LeadingSpace => "leading-space",
            Self::MaxAgeClamped => "max-age-clamped",
            Self::NoColon => "no-colon",
            Self::SpaceBeforeColon => "space-before-colon",
        }
    }

    /// The problem with a line that is ignored.
    pub(super) const fn of_ignored(kind: LineKind) -> Option<Self> {
        match kind {
            LineKind::Extension => None,
            LineKind::Field(key) => Some(Self::Duplicate(key)),
            LineKind::BadExtension => Some(Self::BadExtension),
            LineKind::Blank => Some(Self::BlankLine),
            LineKind::ByteOrderMark => Some(Self::ByteOrderMark),
            LineKind::LeadingSpace => Some(Self::LeadingSpace),
            LineKind::NoColon => Some(Self::NoColon),
            LineKind::SpaceBeforeColon => Some(Self::SpaceBeforeColon),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {}", self.kind, self.at)
    }
}

impl fmt::Display for PolicyErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadMaxAge => "a max_age that is not 1 to 10 digits",
            Self::BadMode => "a mode other than enforce, testing or none",
            Self::BadMx(_) => "an mx that is not a host name or \"*.\" and a host name",
            Self::BadVersion => "a version other than STSv1",
            Self::NoMaxAge => "no max_age",
            Self::NoMode => "no mode",
            Self::NoMx => "no mx, which is required unless the mode is none",
            Self::NoVersion => "no version",
            Self::TooLarge => "a body over the size limit",
        })
    }
}

impl Error for PolicyError {}
