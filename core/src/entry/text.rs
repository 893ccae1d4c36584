//! The text form of an entry.

use super::{Entry, FailedFetch, HeldPolicy, MAX_PER_HOUR, ReportedAs};
use crate::{
    domain::Domain,
    policy::{Policy, PolicyError},
    record::RecordId,
    time::UnixTime,
    tlsrpt::ResultType,
};
use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::{error::Error, fmt, fmt::Write as _};
use nom::{
    IResult, Parser,
    bytes::complete::{tag, take, take_while_m_n, take_while1},
    character::complete::char,
    combinator::{all_consuming, map, map_opt, opt},
    multi::many_m_n,
    sequence::{delimited, preceded, terminated},
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
        let mut text = format!("{HEADER}domain {}\n", self.domain);
        // Writing to a String cannot fail.
        if let Some(held) = &self.held {
            let kind = if held.same_text { "same" } else { "new" };
            let _ = writeln!(text, "held {} {} {kind}", held.id, held.fetched_at);
        }
        if let Some(at) = self.checked_at {
            let _ = writeln!(text, "checked {at}");
        }
        if let Some(failed) = &self.failed {
            let _ = writeln!(text, "failed {} {} {} {}", failed.id, failed.at, failed.until, failed.result_type());
        }
        if !self.attempts.is_empty() {
            let times: String = self.attempts.iter().map(|at| format!(" {at}")).collect();
            let _ = writeln!(text, "attempts{times}");
        }
        let mut bytes = text.into_bytes();
        let policy = self.held.as_ref().map_or(&[][..], |held| held.policy.text());
        bytes.extend_from_slice(format!("policy {}\n", policy.len()).as_bytes());
        bytes.extend_from_slice(policy);
        bytes
    }

    /// Reads what [`Entry::encode`] wrote for the same domain, and parses the policy again.
    ///
    /// # Errors
    /// [`EntryError`]. What does not decode is no entry: look the domain up afresh.
    pub fn decode(bytes: &[u8], expected: &Domain) -> Result<Self, EntryError> {
        let (rest, _) = tag::<_, _, ()>(HEADER)(bytes).map_err(|_| EntryError::Version)?;
        let (_, raw) = all_consuming(raw_entry).parse(rest).map_err(|_| EntryError::Syntax)?;
        if Domain::from_ascii(raw.domain).ok().as_ref() != Some(expected) {
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
        Ok(Self {
            domain: expected.clone(),
            held,
            checked_at: raw.checked_at,
            failed: raw.failed,
            attempts: raw.attempts.unwrap_or_default(),
        })
    }
}

struct RawEntry<'a> {
    domain: &'a [u8],
    held: Option<(RecordId, UnixTime, bool)>,
    checked_at: Option<UnixTime>,
    failed: Option<FailedFetch>,
    attempts: Option<Vec<UnixTime>>,
    policy: &'a [u8],
}

type Parsed<'a, T> = IResult<&'a [u8], T>;

fn raw_entry(input: &[u8]) -> Parsed<'_, RawEntry<'_>> {
    let (input, domain) = line("domain ", take_while1(|b| b != b'\n')).parse(input)?;
    let same = map_opt(word, |word| match word {
        b"new" => Some(false),
        b"same" => Some(true),
        _ => None,
    });
    let (input, held) = opt(line("held ", (spaced(id), spaced(time), same))).parse(input)?;
    let (input, checked_at) = opt(line("checked ", time)).parse(input)?;
    let (input, failed) = opt(line("failed ", (spaced(id), spaced(time), spaced(time), reported_as))).parse(input)?;
    let (input, attempts) = opt(line("attempts", many_m_n(1, MAX_PER_HOUR, preceded(char(' '), time)))).parse(input)?;
    let (input, length) = line("policy ", number).parse(input)?;
    let (input, policy) = take(usize::try_from(length).unwrap_or(usize::MAX))(input)?;
    let failed = failed.map(|(id, at, until, result)| FailedFetch { at, until, id, result });
    Ok((input, RawEntry { domain, held, checked_at, failed, attempts, policy }))
}

/// One line: a word, what `value` reads, and a line feed.
fn line<'a, P>(name: &'static str, value: P) -> impl Parser<&'a [u8], Output = P::Output, Error = P::Error>
where
    P: Parser<&'a [u8], Error = nom::error::Error<&'a [u8]>>,
{
    delimited(tag(name), value, char('\n'))
}

fn spaced<'a, P>(value: P) -> impl Parser<&'a [u8], Output = P::Output, Error = P::Error>
where
    P: Parser<&'a [u8], Error = nom::error::Error<&'a [u8]>>,
{
    terminated(value, char(' '))
}

fn word(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|b: u8| b.is_ascii_graphic())(input)
}

fn id(input: &[u8]) -> Parsed<'_, RecordId> {
    map_opt(word, RecordId::new).parse(input)
}

fn time(input: &[u8]) -> Parsed<'_, UnixTime> {
    map(number, UnixTime).parse(input)
}

fn number(input: &[u8]) -> Parsed<'_, u64> {
    let digits = take_while_m_n(1, 20, |b: u8| b.is_ascii_digit());
    map_opt(digits, |digits| core::str::from_utf8(digits).ok()?.parse().ok()).parse(input)
}

fn reported_as(input: &[u8]) -> Parsed<'_, ReportedAs> {
    let known = |text: &[u8]| {
        let named = |result: ResultType| result.as_str().as_bytes() == text;
        [
            (ReportedAs::FetchError, ResultType::StsPolicyFetchError),
            (ReportedAs::Invalid, ResultType::StsPolicyInvalid),
            (ReportedAs::WebPki, ResultType::StsWebpkiInvalid),
        ]
        .into_iter()
        .find_map(|(reported, result)| named(result).then_some(reported))
    };
    map_opt(word, known).parse(input)
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
