//! The policy domain: whose mail is being sent.

use alloc::{string::String, sync::Arc};
use core::{error::Error, fmt, str::FromStr};

/// A policy domain: A-labels, lower case, without a final dot. Valid by construction. Clones share the text.
///
/// It is a host name of letters, digits and hyphens, not an IP address, and at most
/// [`Domain::MAX_LEN`] octets long. RFC 8461 §1.1 (Policy Domain), §3.4 (no address literals).
/// ```
/// # use mta_sts_core::Domain;
/// let domain = Domain::from_ascii("Example.COM.")?;
/// assert_eq!(domain.as_str(), "example.com");
/// assert_eq!(domain.policy_host(), "mta-sts.example.com");
/// assert!(Domain::from_ascii("192.0.2.1").is_err());
/// # Ok::<(), mta_sts_core::DomainError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Domain(Arc<str>);

impl Domain {
    /// The longest policy domain, in octets: a DNS name has at most 253, and `_mta-sts.` adds 9.
    pub const MAX_LEN: usize = 244;

    /// Reads a domain given in A-labels (ASCII). Letter case and one final dot do not matter.
    ///
    /// # Errors
    /// [`DomainError`] with the first thing that is wrong and its octet offset.
    pub fn from_ascii(name: impl AsRef<[u8]>) -> Result<Self, DomainError> {
        Self::read(name.as_ref())
    }

    fn read(given: &[u8]) -> Result<Self, DomainError> {
        let name = given.strip_suffix(b".").unwrap_or(given);
        let is_literal = || given.starts_with(b"[") || given.contains(&b':');
        Self::check(name).map_err(|error| match is_literal() {
            // RFC 8461 §3.4: nothing associates a policy with an address literal.
            true => DomainError { kind: DomainErrorKind::IpAddress, at: 0 },
            false => error,
        })?;
        // It is ASCII throughout.
        let text = core::str::from_utf8(name)
            .map_err(|e| DomainError { kind: DomainErrorKind::NotAscii, at: e.valid_up_to() })?;
        let mut text: Arc<str> = text.into();
        // Nobody else has it yet.
        if let Some(text) = Arc::get_mut(&mut text) {
            text.make_ascii_lowercase();
        }
        Ok(Self(text))
    }

    fn check(name: &[u8]) -> Result<(), DomainError> {
        let fail = |kind, at| Err(DomainError { kind, at });
        if name.is_empty() {
            return fail(DomainErrorKind::Empty, 0);
        }
        let mut start = 0;
        for (at, b) in name.iter().enumerate() {
            match b {
                b'.' => {
                    Self::check_label(name, start, at)?;
                    start = at + 1;
                }
                b'-' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {}
                0x80.. => return fail(DomainErrorKind::NotAscii, at),
                _ => return fail(DomainErrorKind::BadOctet, at),
            }
        }
        Self::check_label(name, start, name.len())?;
        if name.len() > Self::MAX_LEN {
            return fail(DomainErrorKind::TooLong, Self::MAX_LEN);
        }
        if name[start..].iter().all(u8::is_ascii_digit) {
            // An IPv4 address, or what may be read as one.
            return fail(DomainErrorKind::IpAddress, 0);
        }
        Ok(())
    }

    fn check_label(name: &[u8], start: usize, end: usize) -> Result<(), DomainError> {
        let kind = match &name[start..end] {
            [] => DomainErrorKind::EmptyLabel,
            [b'-', ..] | [.., b'-'] => DomainErrorKind::EdgeHyphen,
            label if label.len() > 63 => DomainErrorKind::LabelTooLong,
            _ => return Ok(()),
        };
        Err(DomainError { kind, at: start })
    }

    /// Reads a domain that may hold U-labels (`bücher.example`): UTS 46, non-transitional, strict.
    ///
    /// # Errors
    /// As [`Domain::from_ascii`], and [`DomainErrorKind::Idna`] where a label has no A-label form.
    #[cfg(feature = "idna")]
    pub fn from_unicode(name: &str) -> Result<Self, DomainError> {
        if name.is_ascii() {
            return Self::from_ascii(name);
        }
        let ascii = idna::domain_to_ascii(name).map_err(|_| DomainError { kind: DomainErrorKind::Idna, at: 0 })?;
        Self::from_ascii(ascii)
    }

    /// The domain as text: lower case, no final dot.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The owner name of the TXT record, absolute (with its final dot). RFC 8461 §3.1.
    #[must_use]
    pub fn txt_name(&self) -> String {
        ["_mta-sts.", &self.0, "."].concat()
    }

    /// The policy host, without a final dot: what DNS is asked for, SNI carries and the
    /// certificate must name. RFC 8461 §3.2, §3.3.
    #[must_use]
    pub fn policy_host(&self) -> String {
        ["mta-sts.", &self.0].concat()
    }

    /// The URL of the policy. RFC 8461 §3.2.
    #[must_use]
    pub fn policy_url(&self) -> String {
        ["https://mta-sts.", &self.0, "/.well-known/mta-sts.txt"].concat()
    }
}

impl AsRef<str> for Domain {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(s: &str) -> Result<Self, DomainError> {
        Self::from_ascii(s)
    }
}

/// Why a name is not a policy domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DomainError {
    /// What is wrong.
    pub kind: DomainErrorKind,
    /// Where, in octets from the start of what was given.
    pub at: usize,
}

/// What can be wrong with a policy domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DomainErrorKind {
    /// An octet other than a letter, a digit, a hyphen or a dot.
    BadOctet,
    /// A label begins or ends with a hyphen.
    EdgeHyphen,
    /// Nothing, or only a dot.
    Empty,
    /// Two dots in a row, or a leading dot.
    EmptyLabel,
    /// A label has no A-label form.
    Idna,
    /// An IP address or an address literal, not a name.
    IpAddress,
    /// A label of more than 63 octets.
    LabelTooLong,
    /// A U-label where A-labels are needed.
    NotAscii,
    /// More than [`Domain::MAX_LEN`] octets.
    TooLong,
}

impl DomainErrorKind {
    /// Its name for programs, such as `edge-hyphen`. Names never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadOctet => "bad-octet",
            Self::EdgeHyphen => "edge-hyphen",
            Self::Empty => "empty",
            Self::EmptyLabel => "empty-label",
            Self::Idna => "idna",
            Self::IpAddress => "ip-address",
            Self::LabelTooLong => "label-too-long",
            Self::NotAscii => "not-ascii",
            Self::TooLong => "too-long",
        }
    }
}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match self.kind {
            DomainErrorKind::BadOctet => write!(f, "octet {at} is not a letter, digit, hyphen or dot"),
            DomainErrorKind::EdgeHyphen => write!(f, "the label at octet {at} begins or ends with a hyphen"),
            DomainErrorKind::Empty => f.write_str("the domain is empty"),
            DomainErrorKind::EmptyLabel => write!(f, "empty label at octet {at}"),
            DomainErrorKind::Idna => f.write_str("an internationalised label is not valid (UTS 46)"),
            DomainErrorKind::IpAddress => f.write_str("an IP address has no MTA-STS policy; give a domain name"),
            DomainErrorKind::LabelTooLong => write!(f, "the label at octet {at} has more than 63 octets"),
            DomainErrorKind::NotAscii => write!(f, "octet {at} is not ASCII; give A-labels (xn--…)"),
            DomainErrorKind::TooLong => write!(f, "more than {} octets", Domain::MAX_LEN),
        }
    }
}

impl Error for DomainError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_are_normalised() {
        for (given, domain) in [
            ("Example.COM.", "example.com"),
            ("localhost", "localhost"),
            ("xn--mller-kva.example", "xn--mller-kva.example"),
            ("3com.net", "3com.net"),
        ] {
            assert_eq!(Domain::from_ascii(given).unwrap().to_string(), domain);
        }
    }

    #[test]
    fn bad_names_are_refused_with_their_reason() {
        use DomainErrorKind::*;
        let label = "a".repeat(64);
        let long = std::vec!["a".repeat(60); 5].join(".");
        for (given, kind, at) in [
            ("", Empty, 0),
            (".", Empty, 0),
            ("..", EmptyLabel, 0),
            (".example.com", EmptyLabel, 0),
            ("a..b", EmptyLabel, 2),
            ("a_b.example", BadOctet, 1),
            ("a b", BadOctet, 1),
            ("bücher.example", NotAscii, 1),
            ("-a.example", EdgeHyphen, 0),
            ("x.a-", EdgeHyphen, 2),
            ("192.0.2.1", IpAddress, 0),
            ("[192.0.2.1]", IpAddress, 0),
            ("2001:db8::1", IpAddress, 0),
            (&label, LabelTooLong, 0),
            (&long, TooLong, 244),
        ] {
            assert_eq!(Domain::from_ascii(given), Err(DomainError { kind, at }), "{given}");
        }
    }

    #[test]
    fn the_longest_domain_still_fits_in_a_txt_name() {
        let longest = [&"a".repeat(61)[..], &"b".repeat(60), &"c".repeat(60), &"d".repeat(60)].join(".");
        let domain = Domain::from_ascii(&longest).unwrap();
        assert_eq!(longest.len(), Domain::MAX_LEN);
        assert_eq!(domain.txt_name().trim_end_matches('.').len(), 253);
    }

    #[cfg(feature = "idna")]
    #[test]
    fn u_labels_become_a_labels() {
        assert_eq!(Domain::from_unicode("Bücher.example").unwrap().as_str(), "xn--bcher-kva.example");
        assert_eq!(Domain::from_unicode("faß.example").unwrap().as_str(), "xn--fa-hia.example");
        assert!(Domain::from_unicode("a\u{200b}b_ü.example").is_err());
    }
}
