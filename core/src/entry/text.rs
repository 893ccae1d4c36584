//! The text form of an entry.

use super::{Entry, FailedFetch, HeldPolicy, MAX_PER_HOUR, ReportedAs};
use crate::{
    domain::Domain,
    few::Few,
    policy::{Policy, PolicyError},
    record::RecordId,
    time::UnixTime,
    tlsrpt::ResultType,
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{error::Error, fmt, fmt::Write as _};
use nom::{
    IResult, Parser,
    bytes::complete::{tag, take_till1},
    character::complete::char,
    sequence::delimited,
};

const HEADER: &str = "mta-sts-entry 1\n";

impl Entry {
    /// The entry as bytes, for a store: a text that every store and language shares.
    ///
    /// ```text
    /// mta-sts-entry 1
    /// domain example.com
    /// held 20160831 1800000000 new
    /// checked 1800000000
    /// failed 20160901 1800003600 1800003900 sts-policy-fetch-error
    /// attempts 1800003600 1800000000
    /// policy 75
    /// version: STSv1
    /// …
    /// ```
    /// Times are in seconds since 1970. `held` has the id, the time of the fetch, and `new` or
    /// `same` for the text of the policy; `failed` the id, the time, the end of the back-off and the
    /// TLSRPT result type; these four lines stand there only if there is something to say. `policy`
    /// ends every entry, so that a cut one is noticed: the number of octets that follow its line,
    /// the policy as it was served, or 0 if none is held.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = [HEADER, "domain ", self.domain.as_str(), "\n"].concat();
        // Writing to a String cannot fail.
        if let Some(held) = &self.held {
            let _ = write!(text, "held {} {} ", held.id, held.fetched_at);
            text.push_str(if held.same_text { "same\n" } else { "new\n" });
        }
        if let Some(at) = self.checked_at {
            let _ = writeln!(text, "checked {at}");
        }
        if let Some(failed) = &self.failed {
            let _ = writeln!(text, "failed {} {} {} {}", failed.id, failed.at, failed.until, failed.result_type());
        }
        if !self.attempts.is_empty() {
            text.push_str("attempts");
            for at in &self.attempts {
                let _ = write!(text, " {at}");
            }
            text.push('\n');
        }
        let policy = self.held.as_ref().map_or(&[][..], |held| held.policy.text());
        let _ = writeln!(text, "policy {}", policy.len());
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(policy);
        bytes
    }

    /// Reads what [`Entry::encode`] wrote for the same domain, and parses the policy again.
    ///
    /// # Errors
    /// [`EntryError`]. What does not decode is no entry: look the domain up afresh.
    pub fn decode(bytes: &[u8], expected: &Domain) -> Result<Self, EntryError> {
        let rest = bytes.strip_prefix(HEADER.as_bytes()).ok_or(EntryError::Version)?;
        let raw = raw_entry(rest).ok_or(EntryError::Syntax)?;
        // As it is written here, it need not be read.
        let is_expected = raw.domain == expected.as_str().as_bytes();
        if !is_expected && Domain::from_ascii(raw.domain).ok().as_ref() != Some(expected) {
            return Err(EntryError::OtherDomain);
        }
        let held = match raw.held {
            Some((id, fetched_at, same_text)) => {
                let policy = Policy::parse_within(raw.policy, raw.policy.len()).map_err(EntryError::Policy)?;
                Some(HeldPolicy { id, policy: Arc::new(policy), fetched_at, same_text })
            }
            None if raw.policy.is_empty() => None,
            None => return Err(EntryError::Syntax),
        };
        let RawEntry { checked_at, failed, attempts, .. } = raw;
        Ok(Self { domain: expected.clone(), held, checked_at, failed, attempts })
    }
}

struct RawEntry<'a> {
    domain: &'a [u8],
    held: Option<(RecordId, UnixTime, bool)>,
    checked_at: Option<UnixTime>,
    failed: Option<Box<FailedFetch>>,
    attempts: Few<UnixTime>,
    policy: &'a [u8],
}

/// Reads what follows the header line by line: a line that is there and is wrong is an error.
fn raw_entry(mut input: &[u8]) -> Option<RawEntry<'_>> {
    let domain = line(&mut input, "domain ")?;
    let held = match line(&mut input, "held ") {
        Some(held) => {
            let [id, fetched_at, kind] = words(held)?;
            let same_text = match kind {
                b"new" => false,
                b"same" => true,
                _ => return None,
            };
            Some((RecordId::new(id)?, time(fetched_at)?, same_text))
        }
        None => None,
    };
    let checked_at = match line(&mut input, "checked ") {
        Some(at) => Some(time(at)?),
        None => None,
    };
    let failed = match line(&mut input, "failed ") {
        Some(failed) => {
            let [id, at, until, result] = words(failed)?;
            Some(Box::new(FailedFetch {
                at: time(at)?,
                until: time(until)?,
                id: RecordId::new(id)?,
                result: reported_as(result)?,
            }))
        }
        None => None,
    };
    let attempts = match line(&mut input, "attempts ") {
        Some(times) => times.split(|&b| b == b' ').take(MAX_PER_HOUR + 1).map(time).collect::<Option<Few<_>>>()?,
        None => Few::new(),
    };
    let length = usize::try_from(time(line(&mut input, "policy ")?)?.0).ok()?;
    let whole = length == input.len() && attempts.len() <= MAX_PER_HOUR;
    whole.then_some(RawEntry { domain, held, checked_at, failed, attempts, policy: input })
}

/// What follows `name` on the next line, if that line begins with it and goes on.
pub(crate) fn line<'a>(input: &mut &'a [u8], name: &'static str) -> Option<&'a [u8]> {
    let parsed: IResult<&[u8], &[u8]> = delimited(tag(name), take_till1(|b| b == b'\n'), char('\n')).parse(input);
    let (rest, value) = parsed.ok()?;
    *input = rest;
    Some(value)
}

/// So many words with single spaces between them.
fn words<const N: usize>(line: &[u8]) -> Option<[&[u8]; N]> {
    let mut words = line.split(|&b| b == b' ');
    let mut found = [&line[..0]; N];
    for word in &mut found {
        *word = words.next()?;
    }
    words.next().is_none().then_some(found)
}

/// 1 to 20 digits.
pub(crate) fn time(digits: &[u8]) -> Option<UnixTime> {
    let digits = Some(digits).filter(|digits| digits.len() <= 20 && digits.iter().all(u8::is_ascii_digit))?;
    core::str::from_utf8(digits).ok()?.parse().ok().map(UnixTime)
}

fn reported_as(word: &[u8]) -> Option<ReportedAs> {
    [
        (ReportedAs::FetchError, ResultType::StsPolicyFetchError),
        (ReportedAs::Invalid, ResultType::StsPolicyInvalid),
        (ReportedAs::WebPki, ResultType::StsWebpkiInvalid),
    ]
    .into_iter()
    .find_map(|(reported, result)| (result.as_str().as_bytes() == word).then_some(reported))
}

/// Why stored bytes are not an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EntryError {
    /// The entry belongs to another domain.
    OtherDomain,
    /// The policy in it is not valid.
    Policy(PolicyError),
    /// It is cut or garbled.
    Syntax,
    /// It was not written by this version of the format.
    Version,
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherDomain => f.write_str("the cache entry belongs to another domain"),
            Self::Policy(error) => write!(f, "the cached policy is invalid: {error}"),
            Self::Syntax => f.write_str("the cache entry is cut or garbled"),
            Self::Version => f.write_str("the cache entry has an unknown format"),
        }
    }
}

impl Error for EntryError {}
