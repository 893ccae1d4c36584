//! How a lookup ends.

use crate::{
    entry::{Entry, FailedFetch},
    policy::{Mode, Policy, PolicyError},
    record::RecordError,
    time::UnixTime,
    tlsrpt::ResultType,
};
use alloc::sync::Arc;
use core::{error::Error, fmt};

/// The result of a lookup.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// What to do with mail for the domain.
    pub decision: Decision,
    /// What to do to the cache, with [`Entry::apply`].
    pub cache: CacheOp,
    /// What could not be learnt, and why. The decision stands all the same.
    pub failure: Option<Failure>,
    /// Before this time another lookup for a delivery is of no use.
    pub next_check: UnixTime,
    /// A refresh failed: tell the administrator that the policy in force ends in so many seconds.
    /// RFC 8461 §3.3, §10.2.
    pub alert: Option<u64>,
    /// A live policy whose mode is not `none` is in force.
    pub(super) reportable: bool,
    /// The lookup was made because a message would otherwise be returned.
    pub(super) before_bounce: bool,
}

impl Outcome {
    /// What the failure is called in a TLSRPT report, if it belongs in one. RFC 8461 §6: fetch
    /// failures when there is a valid record, and failures of any kind under a live policy.
    #[must_use]
    pub fn result_type(&self) -> Option<ResultType> {
        match self.failure.as_ref()? {
            Failure::Fetch(FetchError::NotTried) => None,
            Failure::Fetch(why) => Some(why.result_type()),
            Failure::BackOff { result, .. } => *result,
            Failure::DnsTemporary | Failure::Record(_) => self.reportable.then_some(ResultType::StsPolicyFetchError),
        }
    }

    /// Whether a message that failed under this policy may be returned to its sender, as far as
    /// MTA-STS goes: only after a lookup with [`Intent::BeforeBounce`](super::Intent::BeforeBounce)
    /// that found no newer policy and missed nothing. RFC 8461 §5, §5.1 (3).
    #[must_use]
    pub fn confirms_bounce(&self) -> bool {
        self.before_bounce && self.failure.is_none() && !matches!(self.cache, CacheOp::Fetched(_))
    }
}

/// What a sender does with mail for the domain. RFC 8461 §5.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Deliver as if the domain had no MTA-STS.
    NoPolicy,
    /// Deliver, and report hosts that fail the policy.
    Testing(Arc<Policy>),
    /// Deliver only to hosts that the policy permits, over TLS with a certificate that is valid
    /// for the host.
    Enforce(Arc<Policy>),
}

impl Decision {
    pub(super) fn of(policy: &Arc<Policy>) -> Self {
        match policy.mode() {
            Mode::Enforce => Self::Enforce(policy.clone()),
            Mode::Testing => Self::Testing(policy.clone()),
            // RFC 8461 §5: as though there were no active policy.
            Mode::None => Self::NoPolicy,
        }
    }

    /// The policy, if one applies.
    #[must_use]
    pub fn policy(&self) -> Option<&Arc<Policy>> {
        match self {
            Self::NoPolicy => None,
            Self::Testing(policy) | Self::Enforce(policy) => Some(policy),
        }
    }
}

/// What a lookup does to the cache. It is data; [`Entry::apply`] does it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CacheOp {
    /// Nothing.
    Keep,
    /// A policy was fetched.
    Fetched(Entry),
    /// DNS was asked, and the policy held stays.
    Checked {
        /// When.
        at: UnixTime,
    },
    /// A fetch failed. What is held stays.
    Failed(FailedFetch),
}

/// Why a lookup did not learn all that it wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// The policy's id, or any id of the domain, was fetched too lately to try again.
    BackOff {
        /// When it may be tried.
        until: UnixTime,
        /// What the failure that caused this is called in a TLSRPT report.
        result: Option<ResultType>,
    },
    /// DNS did not say whether there is a record.
    DnsTemporary,
    /// The policy could not be fetched.
    Fetch(FetchError),
    /// There is no usable record. [`RecordError::NotFound`] stands here only where a live policy
    /// says that there should be one.
    Record(RecordError),
}

/// Why a policy could not be fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FetchError {
    /// The policy host's certificate is not valid for it. RFC 8461 §3.3.
    Certificate,
    /// No connection.
    Connect,
    /// The policy host has no address.
    Dns,
    /// The body is content-encoded.
    Encoding,
    /// The response is not HTTP.
    Http,
    /// The body ended before it was complete.
    Incomplete,
    /// The Content-Type is not `text/plain`.
    MediaType,
    /// The policy host's addresses are not allowed to be connected to.
    NotAllowed,
    /// The host had no room to try; not the policy host's fault, so it causes no back-off.
    NotTried,
    /// The body is not a valid policy.
    Policy(PolicyError),
    /// A status other than 200.
    Status(u16),
    /// It took too long.
    Timeout,
    /// No TLS session, for a reason other than the certificate.
    Tls,
    /// The body is over the limit.
    TooLarge,
}

impl FetchError {
    /// What the failure is called in a TLSRPT report. RFC 8460 §4.3.2.1.
    #[must_use]
    pub const fn result_type(self) -> ResultType {
        match self {
            Self::Certificate => ResultType::StsWebpkiInvalid,
            Self::Policy(_) => ResultType::StsPolicyInvalid,
            _ => ResultType::StsPolicyFetchError,
        }
    }

    /// Its name for programs, such as `media-type`. Names never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Encoding => "encoding",
            Self::Http => "http",
            Self::Incomplete => "incomplete",
            Self::MediaType => "media-type",
            Self::NotAllowed => "not-allowed",
            Self::NotTried => "not-tried",
            Self::Policy(_) => "policy",
            Self::Status(_) => "status",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::TooLarge => "too-large",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BackOff { until, .. } => write!(f, "a fetch failed lately, the next one is due at {until}"),
            Self::DnsTemporary => f.write_str("DNS did not say whether there is a record"),
            Self::Fetch(why) => write!(f, "the policy could not be fetched: {why}"),
            Self::Record(why) => write!(f, "no usable record: {why}"),
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the policy host's certificate is not valid",
            Self::Connect => "no connection to the policy host",
            Self::Dns => "the policy host has no address",
            Self::Encoding => "the body is content-encoded",
            Self::Http => "the response is not HTTP",
            Self::Incomplete => "the body ended before it was complete",
            Self::MediaType => "the Content-Type is not text/plain",
            Self::NotAllowed => "the policy host's addresses are not allowed",
            Self::NotTried => "it was not tried, for a reason of the sender's own",
            Self::Policy(error) => return write!(f, "the policy is invalid: {error}"),
            Self::Status(status @ 300..400) => {
                return write!(f, "status {status}, and redirects must not be followed");
            }
            Self::Status(status) => return write!(f, "status {status} instead of 200"),
            Self::Timeout => "it took too long",
            Self::Tls => "no TLS session with the policy host",
            Self::TooLarge => "the body is over the size limit",
        })
    }
}

impl Error for Failure {}
impl Error for FetchError {}
