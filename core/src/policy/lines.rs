//! The lines of a policy, told apart. One lexer serves enforcement, the validator and editors.

use crate::fields::{is_extension_name, trim_wsp_end, trim_wsp_start};

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
        self.advance()
    }
}

impl<'a> Lines<'a> {
    /// The next line, for the reader of policies. Inlined there, no line is ever put together in
    /// memory: that is half of the cost of short lines. Others share the one `next`.
    #[inline(always)]
    pub(super) fn advance(&mut self) -> Option<Line<'a>> {
        if self.left.is_empty() {
            return None;
        }
        let start = self.text.len() - self.left.len();
        if let [b'\n', left @ ..] = self.left {
            self.left = left;
            return Some(Line { kind: LineKind::Blank, start, text: &[], name: &[], value: &[], value_start: start });
        }
        // Each octet is looked at once, so that no mixture of lines and colons is dear.
        let colon = find(self.left, |b| matches!(b, b':' | b'\n'));
        let end = match self.left.get(colon) {
            Some(b':') => colon + 1 + find_line_feed(&self.left[colon + 1..]),
            _ => colon,
        };
        // RFC 8461 §3.2 sts-policy-term = LF / CRLF (erratum 6253). A CR before no LF belongs to
        // the line, except at the very end of the text.
        let (line, after) = self.left.split_at(end);
        self.left = after.get(1..).unwrap_or_default();
        Some(classify(start, line.strip_suffix(b"\r").unwrap_or(line), colon))
    }
}

/// The offset of the first line feed, or the length.
#[inline]
fn find_line_feed(text: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    if text.first() == Some(&b'\n') {
        return 0;
    }
    let (words, _) = text.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // The classic test for a zero octet in a word: the lowest bit set is right.
        let zero = u64::from_le_bytes(*word) ^ (EACH * b'\n' as u64);
        let found = zero.wrapping_sub(EACH) & !zero & (EACH << 7);
        if found != 0 {
            return 8 * i + found.trailing_zeros() as usize / 8;
        }
    }
    let start = 8 * words.len();
    start + find(&text[start..], |b| b == b'\n')
}

/// The offset of the first octet that `is_it`, or the length.
fn find(text: &[u8], is_it: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|&b| is_it(b)).unwrap_or(text.len())
}

/// What the line is; its first colon, if there is one, is at `colon`.
#[inline(always)]
fn classify(start: usize, text: &[u8], colon: usize) -> Line<'_> {
    let line = |kind| Line { kind, start, text, name: &[], value: &[], value_start: start };
    // sts-policy-field *WSP: white space at the end belongs to no value.
    let content = trim_wsp_end(text);
    match content {
        [] => return line(LineKind::Blank),
        [b' ' | b'\t', ..] => return line(LineKind::LeadingSpace),
        [0xef, 0xbb, 0xbf, ..] => return line(LineKind::ByteOrderMark),
        _ => {}
    }
    let Some((name, [_, value @ ..])) = content.split_at_checked(colon) else { return line(LineKind::NoColon) };
    if let [.., b' ' | b'\t'] = name {
        return line(LineKind::SpaceBeforeColon);
    }
    let value = trim_wsp_start(value);
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

/// RFC 8461 §3.2 sts-policy-extension: UTF-8 without control characters.
#[inline]
fn is_extension(name: &[u8], value: &[u8]) -> bool {
    is_extension_name(name)
        && !value.is_empty()
        && !value.iter().any(u8::is_ascii_control)
        && core::str::from_utf8(value).is_ok()
}
