//! The grammar that `_mta-sts` and `_smtp._tls` records share: a version, then `name=value` fields
//! with semicolons between them. RFC 8461 §3.1, RFC 8460 §3.

use crate::txt::TxtRecords;
use nom::{
    IResult, Parser,
    bytes::complete::{tag, take_till, take_while},
    character::complete::char,
    combinator::{all_consuming, rest, verify},
    sequence::{separated_pair, terminated},
};

type Parsed<'a, T = &'a [u8]> = IResult<&'a [u8], T>;

/// Which record of an RRset counts.
#[derive(Debug)]
pub(crate) enum Selected<'a> {
    /// No record begins with the version.
    None,
    /// One does: its index in the RRset, its whole text, and what follows the first semicolon.
    One { record: usize, text: &'a [u8], fields: &'a [u8] },
    /// So many do.
    Several(usize),
}

/// Selects the one record that begins with `version`, which is written without its semicolon.
///
/// RFC 8461 §3.1: of several records those that do not begin with `v=STSv1;` are discarded, and
/// exactly one must remain. In a single record white space before the first semicolon is allowed,
/// as the ABNF has it (erratum 6285 would forbid it, but is reported only).
pub(crate) fn select<'a>(rrset: &'a TxtRecords, version: &'static str) -> Selected<'a> {
    let is_blank = if rrset.len() == 1 { is_wsp } else { |_| false };
    let mut begin = (tag(version), take_while(is_blank), char(';'), wsp);
    let mut candidates = rrset.iter().enumerate().filter_map(|(record, text)| {
        let parsed: Parsed<'a, _> = begin.parse(text);
        parsed.ok().map(|(fields, _)| Selected::One { record, text, fields })
    });
    match (candidates.next(), candidates.count()) {
        (None, _) => Selected::None,
        (Some(one), 0) => one,
        (Some(_), more) => Selected::Several(1 + more),
    }
}

/// Something about one record that its owner should know.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "lint"), expect(dead_code, reason = "only the linter reads it"))]
pub(crate) struct RecordProblem<K> {
    /// The index of the record in the RRset.
    pub(crate) record: usize,
    pub(crate) kind: K,
    /// The first octet concerned.
    pub(crate) start: usize,
    /// The octet after the last one concerned.
    pub(crate) end: usize,
}

/// One field of a record, between the semicolons.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// The offset of the field in the record's text.
    pub(crate) at: usize,
    /// The field, without the white space that belongs to a semicolon.
    pub(crate) text: &'a [u8],
}

impl<'a> Field<'a> {
    /// The value if this is the field `name`, whatever the value is.
    pub(crate) fn value_of(self, name: &str) -> Option<&'a [u8]> {
        self.text.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
    }

    /// RFC 8461 §3.1 sts-extension: is it a name and a value of the characters allowed there?
    pub(crate) fn is_extension(self) -> bool {
        let value = verify(rest, |v: &[u8]| !v.is_empty() && v.iter().all(|b| matches!(b, 0x21..=0x7e) && *b != b'='));
        let name = verify(take_till(|b| b == b'='), is_extension_name);
        let parsed: Parsed<'_, _> = all_consuming(separated_pair(name, char('='), value)).parse(self.text);
        parsed.is_ok()
    }
}

/// The fields of a record after its first semicolon; `fields` ends where the record's `text` ends.
pub(crate) fn fields<'a>(text: &'a [u8], fields: &'a [u8]) -> impl Iterator<Item = Field<'a>> {
    let mut left = fields;
    core::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let at = text.len() - left.len();
        let before: Parsed<'a> = take_till(|b| b == b';')(left);
        let (after, field) = before.ok()?;
        // sts-field-delim = *WSP ";" *WSP: blanks before a semicolon belong to it, those at the
        // end of a record that has none do not.
        let delim: Parsed<'a, _> = terminated(char(';'), wsp).parse(after);
        match delim {
            Ok((next, _)) => {
                left = next;
                Some(Field { at, text: trim_wsp_end(field) })
            }
            Err(_) => {
                left = &[];
                Some(Field { at, text: field })
            }
        }
    })
}

/// RFC 8461 §3.1 sts-ext-name, and §3.2 sts-policy-ext-name, which is the same.
#[inline]
pub(crate) fn is_extension_name(name: &[u8]) -> bool {
    let [first, more @ ..] = name else { return false };
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    first.is_ascii_alphanumeric() && more.len() <= 31 && more.iter().all(allowed)
}

/// `*WSP`
fn wsp(input: &[u8]) -> Parsed<'_> {
    take_while(is_wsp)(input)
}

/// RFC 5234 WSP: space and tab.
pub(crate) const fn is_wsp(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

#[inline]
pub(crate) const fn trim_wsp_start(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

#[inline]
pub(crate) const fn trim_wsp_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[inline]
pub(crate) const fn trim_wsp(text: &[u8]) -> &[u8] {
    trim_wsp_end(trim_wsp_start(text))
}
