//! The value of the map `policy`: what is decided for a domain, for clients that judge MX hosts
//! themselves.

use super::MAX_REPLY;
use crate::{
    domain::Domain,
    entry::{self, Entry, EntryError},
    time::UnixTime,
};
use alloc::{string::String, vec::Vec};
use core::{error::Error, fmt, fmt::Write as _};

const HEADER: &str = "mta-sts-policy 1\n";
/// What is left of a reply after its first word.
const MAX_VALUE: usize = MAX_REPLY - "OK ".len();
/// Reasons are short words.
const MAX_REASON: usize = 40;

/// What a policy server answers for a domain: the decision, why, and the cache entry behind it.
///
/// It is the value of an [`OK`](super::Reply::Ok) reply from the map `policy`. The key is a domain,
/// or a domain and ` before-bounce` for a message that would otherwise be returned to its sender.
/// A domain without a policy has such a value, too; "not found" means that the key is no domain,
/// and a temporary failure that the mail has to wait.
/// ```
/// use mta_sts_core::{Domain, socketmap::*};
///
/// let reply = PolicyReply {
///     decision: PolicyDecision::NoPolicy,
///     reason: "no-record",
///     domain: Domain::from_ascii("example.com")?,
///     valid_until: None,
///     confirms_bounce: false,
///     entry: None,
/// };
/// let value = reply.encode()?;
/// assert_eq!(value, b"mta-sts-policy 1\ndecision no-policy\nreason no-record\ndomain example.com\nentry 0\n");
/// assert_eq!(PolicyReply::decode(&value)?, reply);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyReply<'a> {
    /// What to do. It counts, and not the mode of the policy in `entry`: the server may enforce a
    /// policy in mode `testing`, or answer by DANE.
    pub decision: PolicyDecision,
    /// Why, in a word of lower-case letters, digits and hyphens. To show it: there will be more.
    pub reason: &'a str,
    /// The policy domain.
    pub domain: Domain,
    /// When the policy in `entry` ends; absent if none is held. One of the past is that of a policy
    /// with `max_age: 0`, for this delivery alone.
    pub valid_until: Option<UnixTime>,
    /// A message that failed under this policy may be returned to its sender, as far as MTA-STS
    /// goes. Only ever set if that was asked. RFC 8461 §5, §5.1 (3).
    pub confirms_bounce: bool,
    /// What is held for the domain, if that is a policy which applies now.
    pub entry: Option<Entry>,
}

/// What to do with mail for the domain.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PolicyDecision {
    /// Deliver as if the domain had no MTA-STS.
    NoPolicy,
    /// Deliver, and report hosts that fail the policy. RFC 8461 §5.
    Testing,
    /// Deliver only to hosts that pass the policy. RFC 8461 §5.
    Enforce,
    /// Hosts with TLSA records by DANE, others as if there were no MTA-STS. RFC 7672.
    Dane,
    /// Only to hosts with TLSA records, by DANE: an enforced policy lets no others in. RFC 7672,
    /// RFC 8461 §2.
    DaneOnly,
}

impl PolicyDecision {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::NoPolicy, Self::Testing, Self::Enforce, Self::Dane, Self::DaneOnly];

    /// Its name, such as `dane-only`. Names never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPolicy => "no-policy",
            Self::Testing => "testing",
            Self::Enforce => "enforce",
            Self::Dane => "dane",
            Self::DaneOnly => "dane-only",
        }
    }
}

impl PolicyReply<'_> {
    /// The value as bytes.
    ///
    /// ```text
    /// mta-sts-policy 1
    /// decision enforce
    /// reason policy
    /// domain example.com
    /// valid-until 1800086400
    /// bounce confirmed
    /// entry 189
    /// mta-sts-entry 1
    /// …
    /// ```
    /// `valid-until` stands there only if a policy is held, `bounce` only if it is confirmed.
    /// `entry` ends every value, so that a cut one is noticed: the number of octets that follow its
    /// line, as [`Entry::encode`] gives them, or 0.
    ///
    /// # Errors
    /// [`PolicyReplyError::TooLong`] if it does not fit into a reply; [`PolicyReplyError::Syntax`]
    /// if the reason is no word; [`PolicyReplyError::Entry`] if the entry is of another domain.
    pub fn encode(&self) -> Result<Vec<u8>, PolicyReplyError> {
        if !is_word(self.reason.as_bytes()) {
            return Err(PolicyReplyError::Syntax);
        }
        if self.entry.as_ref().is_some_and(|entry| *entry.domain() != self.domain) {
            return Err(PolicyReplyError::Entry(EntryError::OtherDomain));
        }
        let mut text = String::from(HEADER);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "decision {}", self.decision.as_str());
        let _ = writeln!(text, "reason {}\ndomain {}", self.reason, self.domain);
        if let Some(end) = self.valid_until {
            let _ = writeln!(text, "valid-until {end}");
        }
        if self.confirms_bounce {
            text.push_str("bounce confirmed\n");
        }
        let entry = self.entry.as_ref().map(Entry::encode).unwrap_or_default();
        let _ = writeln!(text, "entry {}", entry.len());
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&entry);
        if bytes.len() > MAX_VALUE { Err(PolicyReplyError::TooLong) } else { Ok(bytes) }
    }
}

impl<'a> PolicyReply<'a> {
    /// Reads what [`PolicyReply::encode`] wrote, and the entry in it.
    ///
    /// # Errors
    /// [`PolicyReplyError`]. Nothing is known then: as with a temporary failure, mail has to wait.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, PolicyReplyError> {
        if bytes.len() > MAX_VALUE {
            return Err(PolicyReplyError::TooLong);
        }
        let mut input = bytes.strip_prefix(HEADER.as_bytes()).ok_or(PolicyReplyError::Version)?;
        let decision = entry::line(&mut input, "decision ").ok_or(PolicyReplyError::Syntax)?;
        let decision = PolicyDecision::ALL.into_iter().find(|known| known.as_str().as_bytes() == decision);
        let decision = decision.ok_or(PolicyReplyError::Decision)?;
        let raw = raw_reply(input).ok_or(PolicyReplyError::Syntax)?;
        let entry = match raw.entry {
            [] => None,
            entry => Some(Entry::decode(entry, &raw.domain).map_err(PolicyReplyError::Entry)?),
        };
        let RawReply { reason, domain, valid_until, confirms_bounce, .. } = raw;
        Ok(Self { decision, reason, domain, valid_until, confirms_bounce, entry })
    }
}

struct RawReply<'a> {
    reason: &'a str,
    domain: Domain,
    valid_until: Option<UnixTime>,
    confirms_bounce: bool,
    entry: &'a [u8],
}

/// Reads what follows the decision line by line: a line that is there and is wrong is an error.
fn raw_reply(mut input: &[u8]) -> Option<RawReply<'_>> {
    let reason = entry::line(&mut input, "reason ").filter(|reason| is_word(reason))?;
    let reason = core::str::from_utf8(reason).ok()?;
    let domain = Domain::from_ascii(entry::line(&mut input, "domain ")?).ok()?;
    let valid_until = match entry::line(&mut input, "valid-until ") {
        Some(end) => Some(entry::time(end)?),
        None => None,
    };
    let confirms_bounce = match entry::line(&mut input, "bounce ") {
        Some(b"confirmed") => true,
        Some(_) => return None,
        None => false,
    };
    let length = usize::try_from(entry::time(entry::line(&mut input, "entry ")?)?.0).ok()?;
    (length == input.len()).then_some(RawReply { reason, domain, valid_until, confirms_bounce, entry: input })
}

fn is_word(reason: &[u8]) -> bool {
    let is_word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    (1..=MAX_REASON).contains(&reason.len()) && reason.iter().all(is_word)
}

/// Why a value is not one of the map `policy`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PolicyReplyError {
    /// A decision that is not known here.
    Decision,
    /// The entry in it cannot be read.
    Entry(EntryError),
    /// It is cut or garbled.
    Syntax,
    /// Longer than a socketmap reply may be.
    TooLong,
    /// It was not written by this version of the format.
    Version,
}

impl fmt::Display for PolicyReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Decision => "the policy reply has an unknown decision",
            Self::Entry(error) => return write!(f, "the policy reply has a bad entry: {error}"),
            Self::Syntax => "the policy reply is cut or garbled",
            Self::TooLong => "the policy reply is over the size limit",
            Self::Version => "the policy reply has an unknown format",
        })
    }
}

impl Error for PolicyReplyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{policy::Policy, record::RecordId};
    use alloc::{format, vec};

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn domain() -> Domain {
        Domain::from_ascii("example.com").unwrap()
    }

    fn entry(padding: usize) -> Entry {
        let head = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\nx: \xff";
        let text = [&head[..], &vec![b'x'; padding]].concat();
        Entry::import(&domain(), RecordId::new("1").unwrap(), Policy::parse(&text).unwrap(), NOW, NOW)
    }

    fn reply(entry: Option<Entry>) -> PolicyReply<'static> {
        let valid_until = entry.as_ref().and_then(Entry::expires_at);
        let (decision, reason) = (PolicyDecision::DaneOnly, "dane");
        PolicyReply { decision, reason, domain: domain(), valid_until, confirms_bounce: true, entry }
    }

    #[test]
    fn a_reply_survives_the_wire_and_a_cut_one_is_noticed() {
        for reply in [reply(None), reply(Some(entry(0))), reply(Some(entry(65_000)))] {
            let value = reply.encode().unwrap();
            assert_eq!(PolicyReply::decode(&value), Ok(reply));
            for cut in 0..value.len().min(300) {
                assert!(PolicyReply::decode(&value[..cut]).is_err(), "{cut}");
            }
            assert!(PolicyReply::decode(&[&value[..], b"x"].concat()).is_err());
        }
        for decision in PolicyDecision::ALL {
            let reply = PolicyReply { decision, confirms_bounce: false, ..reply(None) };
            assert_eq!(PolicyReply::decode(&reply.encode().unwrap()), Ok(reply));
        }
    }

    #[test]
    fn what_is_no_reply_says_why() {
        use PolicyReplyError::{Decision, Entry as BadEntry, Syntax, TooLong, Version};
        let other = Entry::import(
            &Domain::from_ascii("example.net").unwrap(),
            RecordId::new("1").unwrap(),
            Policy::parse(b"version: STSv1\nmode: none\nmax_age: 1\n").unwrap(),
            NOW,
            NOW,
        );
        let with = |entry: &[u8]| {
            let head =
                format!("mta-sts-policy 1\ndecision enforce\nreason a\ndomain example.com\nentry {}\n", entry.len());
            [head.as_bytes(), entry].concat()
        };
        for (value, error) in [
            (b"".to_vec(), Version),
            (b"mta-sts-policy 2\n".to_vec(), Version),
            (b"mta-sts-policy 1\n".to_vec(), Syntax),
            (b"mta-sts-policy 1\ndecision reject\nreason a\ndomain example.com\nentry 0\n".to_vec(), Decision),
            (b"mta-sts-policy 1\ndecision dane\nreason A\ndomain example.com\nentry 0\n".to_vec(), Syntax),
            (b"mta-sts-policy 1\ndecision dane\nreason a\ndomain a b\nentry 0\n".to_vec(), Syntax),
            (b"mta-sts-policy 1\ndecision dane\nreason a\ndomain a.b\nbounce maybe\nentry 0\n".to_vec(), Syntax),
            (b"mta-sts-policy 1\ndecision dane\nreason a\ndomain a.b\nvalid-until x\nentry 0\n".to_vec(), Syntax),
            (b"mta-sts-policy 1\ndecision dane\nreason a\ndomain a.b\nentry 1\n".to_vec(), Syntax),
            (with(b"x"), BadEntry(EntryError::Version)),
            (with(&other.encode()), BadEntry(EntryError::OtherDomain)),
            (vec![b'x'; MAX_REPLY], TooLong),
        ] {
            assert_eq!(PolicyReply::decode(&value), Err(error), "{}", value.escape_ascii());
        }
        assert_eq!(PolicyReply { entry: Some(other), ..reply(None) }.encode(), Err(BadEntry(EntryError::OtherDomain)));
        for reason in ["", "two words", "Upper", "line\nfeed", &"x".repeat(41)] {
            assert_eq!(PolicyReply { reason, ..reply(None) }.encode(), Err(Syntax), "{reason}");
        }
    }
}
