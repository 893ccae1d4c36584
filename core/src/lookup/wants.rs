//! What passes between a lookup and its host.

use super::outcome::FetchError;
use crate::{fields::trim_wsp, policy::Policy, txt::TxtRecords};
use core::{error::Error, fmt};

/// Why the domain is looked up.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Intent {
    /// A message is about to be delivered.
    Deliver,
    /// A message failed under an enforce policy and would now be returned to its sender. DNS is
    /// always asked: RFC 8461 §5, §5.1 (3).
    BeforeBounce,
    /// Nothing is waiting; the cached policy is renewed before it ends. RFC 8461 §3.3, §10.2.
    Refresh,
}

/// The limits of a lookup.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Config {
    /// For how many seconds after DNS was asked a live policy is used without asking again.
    /// RFC 8461 §5.1 (1) leaves this to the sender. 0 asks at each delivery.
    pub recheck_after: u32,
    /// For how many seconds an id whose fetch failed is not fetched again. RFC 8461 §3.3: at
    /// least five minutes.
    pub backoff: u32,
    /// The largest policy body, in octets. RFC 8461 §3.3 suggests 64 kilobytes.
    pub max_body: usize,
}

impl Config {
    /// After so many seconds a resolver that told nothing is asked again.
    pub(super) const RETRY_DNS_AFTER: u32 = 60;
}

impl Default for Config {
    /// 300 s, 300 s, 65,536 octets.
    fn default() -> Self {
        Self { recheck_after: 300, backoff: 300, max_body: Policy::MAX_SIZE }
    }
}

/// What a lookup wants its host to do. A host handles all of them, so another one would be a
/// breaking change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Want<'a> {
    /// Ask DNS for the TXT records of `name` and answer with [`Lookup::txt`](super::Lookup::txt).
    Txt {
        /// An absolute name, with its final dot: no search list applies.
        name: &'a str,
    },
    /// GET `url` over HTTPS. Answer with [`https_head`](super::Lookup::https_head),
    /// [`https_body`](super::Lookup::https_body) for each piece and
    /// [`https_end`](super::Lookup::https_end), or with
    /// [`https_failed`](super::Lookup::https_failed) at any point.
    ///
    /// RFC 8461 §3.3: TLS with SNI, a valid trusted certificate that names `host` as a DNS-ID,
    /// redirects not followed, no HTTP cache, a time-out of about a minute.
    Https {
        /// What to get.
        url: &'a str,
        /// The policy host, without a final dot.
        host: &'a str,
        /// More octets of body than this are of no use.
        max_body: usize,
    },
    /// The lookup has ended and has an outcome.
    Nothing,
}

/// The answer of DNS for a TXT RRset.
#[derive(Clone, Copy, Debug)]
pub enum Txt<'a> {
    /// The records of the name, after following CNAMEs. RFC 8461 §3.1.
    Records(&'a TxtRecords),
    /// There are none: NXDOMAIN or an empty answer.
    Absent,
    /// It could not be learnt whether there are any: SERVFAIL, REFUSED, a time-out.
    TempFail,
}

/// The status and the header fields of a response that matter.
#[derive(Clone, Copy, Debug)]
pub struct HttpsHead<'a> {
    /// The final status code; interim ones (1xx) are not for the lookup.
    pub status: u16,
    /// The values of all Content-Type fields.
    pub content_type: &'a [&'a str],
    /// The values of all Content-Encoding fields.
    pub content_encoding: &'a [&'a str],
}

impl HttpsHead<'_> {
    pub(super) fn check(&self) -> Result<(), FetchError> {
        // RFC 8461 §3.3: only 200 is valid; 3xx redirects MUST NOT be followed.
        if self.status != 200 {
            return Err(FetchError::Status(self.status));
        }
        // RFC 8461 §3.2: the media type SHOULD be validated, its parameters are ignored. One that
        // is not given cannot be wrong.
        let is_plain_text = |value: &str| {
            let media_type = value.as_bytes().split(|&b| b == b';').next().unwrap_or_default();
            trim_wsp(media_type).eq_ignore_ascii_case(b"text/plain")
        };
        match self.content_type {
            [] => {}
            [one] if is_plain_text(one) => {}
            _ => return Err(FetchError::MediaType),
        }
        // None was asked for, and what is not asked for is not decoded.
        let is_identity = |coding: &[u8]| {
            let coding = trim_wsp(coding);
            coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
        };
        if self.content_encoding.iter().all(|value| value.as_bytes().split(|&b| b == b',').all(is_identity)) {
            Ok(())
        } else {
            Err(FetchError::Encoding)
        }
    }
}

/// Whether more of a response is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Flow {
    /// Go on.
    Continue,
    /// The fetch has failed. Close the connection; the lookup has ended.
    Stop,
}

/// An answer to something that the lookup does not want. It changed nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OutOfTurn;

impl fmt::Display for OutOfTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lookup does not want this answer now")
    }
}

impl Error for OutOfTurn {}
