//! The lines of a policy, told apart. One lexer serves enforcement, the validator and editors.

use crate::fields::{extension_name, trim_wsp_end, wsp};
use nom::{
    IResult, Parser,
    bytes::complete::{take_till, take_until},
    character::complete::char,
    combinator::{all_consuming, rest},
    sequence::{separated_pair, terminated},
};

/// One line of a policy.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// What it is.
    pub kind: LineKind,
    /// The offset of the line's first octet in the policy.
    pub start: usize,
    /// The line without its terminator.
    pub text: &'a [u8],
    /// What stands before the first colon; empty if the line is no field.
    pub name: &'a [u8],
    /// The value without white space around it; empty if the line is no field.
    pub value: &'a [u8],
    /// The offset of the value in the policy.
    pub value_start: usize,
}

/// What a line of a policy is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LineKind {
    /// Nothing but white space: tolerated, though the ABNF has no such line.
    Blank,
    /// One of the four fields of RFC 8461 §3.2. The value is not checked here.
    Field(Key),
    /// A well-formed extension (`sts-policy-extension`): ignored.
    Extension,
    /// A name and a colon, but not a well-formed extension: ignored.
    BadExtension,
    /// No field, since it begins with a byte order mark.
    ByteOrderMark,
    /// No field, since white space stands before the name.
    LeadingSpace,
    /// No field, since white space stands before the colon.
    SpaceBeforeColon,
    /// No field, since it has no colon.
    NoColon,
}

/// The four fields of a policy. RFC 8461 §3.2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key {
    /// `version`
    Version,
    /// `mode`
    Mode,
    /// `max_age`
    MaxAge,
    /// `mx`
    Mx,
}

impl Key {
    /// The field's name. Names are case-sensitive.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Mode => "mode",
            Self::MaxAge => "max_age",
            Self::Mx => "mx",
        }
    }
}

impl Line<'_> {
    /// The offset after the line's last octet, without its terminator.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The lines of a policy, in order. A final terminator does not begin another line.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    text: &'a [u8],
    left: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The lines of `text`, which need not be a valid policy.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text, left: text }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.left.is_empty() {
            return None;
        }
        let start = self.text.len() - self.left.len();
        // RFC 8461 §3.2 sts-policy-term = LF / CRLF (erratum 6253). A CR before no LF belongs to
        // the line, except at the very end of the text.
        let terminated_line: IResult<&[u8], &[u8]> = terminated(take_until("\n"), char('\n')).parse(self.left);
        let (left, line) = terminated_line.unwrap_or((&[], self.left));
        self.left = left;
        Some(classify(start, line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

fn classify(start: usize, text: &[u8]) -> Line<'_> {
    let line = |kind| Line { kind, start, text, name: &[], value: &[], value_start: start };
    // sts-policy-field *WSP: white space at the end belongs to no value.
    let content = trim_wsp_end(text);
    let field: IResult<&[u8], (&[u8], &[u8])> =
        separated_pair(take_till(|b| b == b':'), (char(':'), wsp), rest).parse(content);
    match (content, field) {
        ([], _) => line(LineKind::Blank),
        ([b' ' | b'\t', ..], _) => line(LineKind::LeadingSpace),
        ([0xef, 0xbb, 0xbf, ..], _) => line(LineKind::ByteOrderMark),
        (_, Err(_)) => line(LineKind::NoColon),
        (_, Ok((_, ([.., b' ' | b'\t'], _)))) => line(LineKind::SpaceBeforeColon),
        (_, Ok((_, (name, value)))) => {
            // Reserved names are never extensions: "mx: *" is a bad mx.
            let kind = match name {
                b"mx" => LineKind::Field(Key::Mx),
                b"version" => LineKind::Field(Key::Version),
                b"mode" => LineKind::Field(Key::Mode),
                b"max_age" => LineKind::Field(Key::MaxAge),
                _ if is_extension(name, value) => LineKind::Extension,
                _ => LineKind::BadExtension,
            };
            Line { kind, start, text, name, value, value_start: start + content.len() - value.len() }
        }
    }
}

/// RFC 8461 §3.2 sts-policy-extension: UTF-8 without control characters.
fn is_extension(name: &[u8], value: &[u8]) -> bool {
    all_consuming(extension_name).parse(name).is_ok()
        && !value.is_empty()
        && !value.iter().any(u8::is_ascii_control)
        && core::str::from_utf8(value).is_ok()
}
