//! MX patterns of a policy, and matching MX hosts against them. RFC 8461 §3.2, §4.1.

mod reason;

pub use reason::MatchReason;

use core::{error::Error, fmt};

/// One `mx` pattern: a host name, or `*.` and a host name. Borrowed from the text it was read from.
///
/// Matching allocates nothing.
/// ```
/// # use mta_sts_core::MxPattern;
/// let pattern = MxPattern::parse("*.example.net")?;
/// assert!(pattern.matches("MX1.example.net."));
/// assert!(!pattern.matches("example.net"));
/// assert!(!pattern.matches("a.b.example.net"));
/// # Ok::<(), mta_sts_core::MxPatternError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MxPattern<'a> {
    wildcard: bool,
    /// ASCII, checked.
    name: &'a [u8],
}

impl<'a> MxPattern<'a> {
    /// Reads a pattern. One final dot is dropped and underscores are taken literally: the meaning
    /// is plain and other senders deliver.
    ///
    /// # Errors
    /// [`MxPatternError`] with what is wrong and its octet offset in `pattern`.
    pub fn parse<T: AsRef<[u8]> + ?Sized>(pattern: &'a T) -> Result<Self, MxPatternError> {
        Self::read(pattern.as_ref())
    }

    #[inline]
    fn read(text: &'a [u8]) -> Result<Self, MxPatternError> {
        // RFC 8461 §3.2: sts-policy-mx-value = ["*."] Domain
        let (wildcard, start) = if text.starts_with(b"*.") { (true, 2) } else { (false, 0) };
        let name = &text[start..];
        let name = name.strip_suffix(b".").unwrap_or(name);
        check_name(name).map_err(|e| MxPatternError { kind: e.kind, at: start + e.at })?;
        Ok(Self { wildcard, name })
    }

    /// A pattern whose parts came from [`MxPattern::parse`].
    pub(crate) const fn checked(wildcard: bool, name: &'a [u8]) -> Self {
        Self { wildcard, name }
    }

    pub(crate) const fn name_bytes(self) -> &'a [u8] {
        self.name
    }

    /// Whether the pattern stands for any one label before its name.
    #[must_use]
    #[inline]
    pub const fn is_wildcard(self) -> bool {
        self.wildcard
    }

    /// The name, without `*.` and without a final dot, in the letter case it was given.
    #[must_use]
    #[inline]
    pub fn name(self) -> &'a str {
        core::str::from_utf8(self.name).unwrap_or_default()
    }

    /// Whether the MX host `host` is the one, or one of those, that this pattern allows.
    ///
    /// The host is the name in the MX record, in A-labels, not the target of a CNAME. Letter case
    /// and one final dot do not matter. What is not a host name matches nothing.
    #[must_use]
    pub fn matches(self, host: impl AsRef<[u8]>) -> bool {
        MxHost::parse(host.as_ref()).is_some_and(|host| self.matches_host(host))
    }

    #[inline]
    pub(crate) fn matches_host(self, host: MxHost<'_>) -> bool {
        // RFC 8461 §4.1: "*" may only be used to match the entire left-most label.
        let compared = if self.wildcard { host.parent } else { host.name };
        is_same_name(compared, self.name)
    }
}

/// Whether two checked names are equal but for letter case. Of the octets in a name, only the two
/// forms of a letter differ in this one bit, so that eight octets are compared at once.
#[inline]
fn is_same_name(a: &[u8], b: &[u8]) -> bool {
    const CASE: u64 = u64::from_ne_bytes([0x20; 8]);
    let ((words_a, rest_a), (words_b, rest_b)) = (a.as_chunks(), b.as_chunks());
    let differ = |(a, b): (&[u8; 8], &[u8; 8])| (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)) & !CASE != 0;
    a.len() == b.len() && !words_a.iter().zip(words_b).any(differ) && rest_a.eq_ignore_ascii_case(rest_b)
}

/// Patterns are equal if they match the same hosts.
impl PartialEq for MxPattern<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.wildcard == other.wildcard && self.name.eq_ignore_ascii_case(other.name)
    }
}

impl Eq for MxPattern<'_> {}

impl fmt::Display for MxPattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.wildcard { "*." } else { "" })?;
        f.write_str(self.name())
    }
}

/// An MX host prepared for many comparisons.
#[derive(Clone, Copy)]
pub(crate) struct MxHost<'a> {
    name: &'a [u8],
    /// What follows the first label; empty if there is only one.
    parent: &'a [u8],
}

impl<'a> MxHost<'a> {
    /// `None` if no pattern can match: an empty label, or an octet that no pattern can hold.
    pub(crate) fn parse(host: &'a [u8]) -> Option<Self> {
        let name = host.strip_suffix(b".").unwrap_or(host);
        if name.is_empty() || name.len() > MAX_NAME {
            return None;
        }
        let (mut start, mut first_dot) = (0, name.len());
        let is_label = |label: &[u8]| (1..=MAX_LABEL).contains(&label.len());
        for (at, &b) in name.iter().enumerate() {
            match b {
                _ if NAME_OCTETS[usize::from(b)] => {}
                b'.' if is_label(&name[start..at]) => {
                    first_dot = first_dot.min(at);
                    start = at + 1;
                }
                _ => return None,
            }
        }
        if !is_label(&name[start..]) {
            return None;
        }
        Some(Self { name, parent: name.get(first_dot + 1..).unwrap_or_default() })
    }
}

const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 253;

/// Letters, digits, `-` and `_`. A table: every octet of every pattern and host is looked up.
const NAME_OCTETS: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < table.len() {
        table[b] = matches!(b as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_');
        b += 1;
    }
    table
};

/// RFC 5321 §4.1.2 `Domain`, with underscores, and not an IP address.
fn check_name(name: &[u8]) -> Result<(), MxPatternError> {
    use MxPatternErrorKind as Kind;
    let fail = |kind, at| Err(MxPatternError { kind, at });
    if name.is_empty() {
        return fail(Kind::Empty, 0);
    }
    let mut start = 0;
    for (at, &b) in name.iter().enumerate() {
        match b {
            _ if NAME_OCTETS[usize::from(b)] => {}
            b'.' => {
                check_label(&name[start..at], start)?;
                start = at + 1;
            }
            b'*' => return fail(Kind::Wildcard, at),
            _ if b.is_ascii() => return fail(Kind::BadOctet, at),
            _ => return fail(Kind::NotAscii, at),
        }
    }
    check_label(&name[start..], start)?;
    if name.len() > MAX_NAME {
        return fail(Kind::TooLong, MAX_NAME);
    }
    if name.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return fail(Kind::IpAddress, 0);
    }
    Ok(())
}

#[inline]
fn check_label(label: &[u8], at: usize) -> Result<(), MxPatternError> {
    let kind = match label {
        [] => MxPatternErrorKind::EmptyLabel,
        _ if label.len() > MAX_LABEL => MxPatternErrorKind::LabelTooLong,
        [b'-', ..] | [.., b'-'] => MxPatternErrorKind::EdgeHyphen,
        _ => return Ok(()),
    };
    Err(MxPatternError { kind, at })
}

/// Why a text is not an MX pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MxPatternError {
    /// What is wrong.
    pub kind: MxPatternErrorKind,
    /// Where, in octets from the start of the pattern.
    pub at: usize,
}

/// What can be wrong with an MX pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MxPatternErrorKind {
    /// An octet other than a letter, a digit, `-`, `_` or a dot.
    BadOctet,
    /// A label begins or ends with a hyphen.
    EdgeHyphen,
    /// No name.
    Empty,
    /// Two dots in a row, or a leading dot.
    EmptyLabel,
    /// An IP address: MX hosts are names.
    IpAddress,
    /// A label of more than 63 octets.
    LabelTooLong,
    /// A U-label: RFC 8461 §3.2 wants the A-label.
    NotAscii,
    /// A name of more than 253 octets.
    TooLong,
    /// A `*` that is not the whole left-most label.
    Wildcard,
}

impl MxPatternErrorKind {
    /// Its name for programs, such as `edge-hyphen`. Names never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadOctet => "bad-octet",
            Self::EdgeHyphen => "edge-hyphen",
            Self::Empty => "empty",
            Self::EmptyLabel => "empty-label",
            Self::IpAddress => "ip-address",
            Self::LabelTooLong => "label-too-long",
            Self::NotAscii => "not-ascii",
            Self::TooLong => "too-long",
            Self::Wildcard => "wildcard",
        }
    }
}

impl fmt::Display for MxPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            MxPatternErrorKind::BadOctet => "a character that no host name has",
            MxPatternErrorKind::EdgeHyphen => "a label that begins or ends with a hyphen",
            MxPatternErrorKind::Empty => "no host name",
            MxPatternErrorKind::EmptyLabel => "an empty label",
            MxPatternErrorKind::IpAddress => "an IP address instead of a host name",
            MxPatternErrorKind::LabelTooLong => "a label of more than 63 octets",
            MxPatternErrorKind::NotAscii => "characters outside ASCII instead of an A-label",
            MxPatternErrorKind::TooLong => "a name of more than 253 octets",
            MxPatternErrorKind::Wildcard => "a \"*\" that is not the whole left-most label",
        })?;
        write!(f, " at octet {}", self.at)
    }
}

impl Error for MxPatternError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    fn matches(pattern: &str, host: &str) -> bool {
        MxPattern::parse(pattern).is_ok_and(|p| p.matches(host))
    }

    #[test]
    fn a_wildcard_is_exactly_one_label() {
        assert!(matches("*.example.com", "mail.example.com"));
        assert!(!matches("*.example.com", "example.com"));
        assert!(!matches("*.example.com", "a.b.example.com"));
        assert!(!matches("*.example.com", ".example.com"));
        assert!(!matches("*.com", "com"));
    }

    #[test]
    fn case_and_final_dots_do_not_matter() {
        assert!(matches("Mail.Example.com.", "mAIL.example.COM"));
        assert!(matches("mail.example.com", "mail.example.com."));
        assert!(!matches("mail.example.com", "mail.example.com.."));
    }

    #[test]
    fn names_are_equal_if_all_their_letters_are() {
        let octets: Vec<u8> = (0..=255).filter(|b| NAME_OCTETS[usize::from(*b)] || *b == b'.').collect();
        for (len, at) in (0..20).flat_map(|len| (0..len).map(move |at| (len, at))) {
            let mut a = vec![b'x'; len];
            let mut b = a.to_ascii_uppercase();
            for (&x, &y) in octets.iter().flat_map(|x| octets.iter().map(move |y| (x, y))) {
                (a[at], b[at]) = (x, y);
                assert_eq!(is_same_name(&a, &b), a.eq_ignore_ascii_case(&b), "{a:?} {b:?}");
            }
            assert!(!is_same_name(&a, &b[..len - 1]));
        }
    }

    #[test]
    fn what_is_no_host_name_matches_nothing() {
        for host in ["", ".", "mail..example.com", "a b.example.com", "[192.0.2.1]", "x\0.example.com", "ü.example.com"]
        {
            assert!(!matches("*.example.com", host), "{host:?}");
        }
    }

    #[test]
    fn bad_patterns_say_what_and_where() {
        use MxPatternErrorKind::*;
        for (pattern, kind, at) in [
            ("", Empty, 0),
            ("*", Wildcard, 0),
            ("*.", Empty, 2),
            ("*.*", Wildcard, 2),
            ("a.*.example", Wildcard, 2),
            ("mail..example", EmptyLabel, 5),
            (".example", EmptyLabel, 0),
            ("mail.example;", BadOctet, 12),
            ("192.0.2.1", IpAddress, 0),
            ("-mail.example", EdgeHyphen, 0),
            ("m\u{fc}ller.example", NotAscii, 1),
        ] {
            assert_eq!(MxPattern::parse(pattern), Err(MxPatternError { kind, at }), "{pattern}");
        }
        assert!(MxPattern::parse("x.example.123").is_ok(), "only digits in every label is an address");
    }
}
