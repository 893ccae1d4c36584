//! What the admin socket answers, as JSON. Times are seconds since 1970, durations seconds.

use crate::{health::HealthReport, mx_check::MxFigures};
use mta_sts::{Answer, Decision, Entry, Source, UnixTime};
use serde::{Deserialize, Serialize};

/// A part of the cache.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CachePage {
    /// In the order of their domains.
    pub entries: Vec<CachedDomain>,
    /// The `after` of the next page; `None` at the end.
    pub next: Option<String>,
}

/// What the cache holds for a domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CachedDomain {
    /// The policy domain, in A-labels.
    pub domain: String,
    /// `live`: the policy applies. `expired`: it does no more. `failed`: there is none, only the
    /// memory of a failed fetch.
    pub state: String,
    /// `enforce`, `testing` or `none`.
    pub mode: Option<String>,
    /// The id in the TXT record.
    pub id: Option<String>,
    /// The MX patterns.
    pub mx: Vec<String>,
    /// For how long the policy may be kept.
    pub max_age: Option<u32>,
    /// When it was fetched over HTTPS.
    pub fetched_at: Option<u64>,
    /// When DNS was last asked.
    pub checked_at: Option<u64>,
    /// When it ends. RFC 8461 §3.2.
    pub expires_at: Option<u64>,
    /// When it is to be renewed.
    pub refresh_at: Option<u64>,
    /// The last fetch, if it failed.
    pub failed: Option<CachedFailure>,
    /// The lines of the policy that can be shown, `name: value`; on a page of many none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<String>,
}

/// A fetch that failed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CachedFailure {
    /// When.
    pub at: u64,
    /// Until when this id is not tried again. RFC 8461 §3.3.
    pub until: u64,
    /// The id whose policy could not be had.
    pub id: String,
    /// What a TLS report calls it. RFC 8460 §4.3.
    pub result_type: String,
}

/// How many entries are gone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Purged {
    /// So many.
    pub purged: u64,
}

/// What a refresh gave.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Refreshed {
    /// The policy domain, in A-labels.
    pub domain: String,
    /// `enforce`, `testing` or `no-policy`: what applies now.
    pub decision: String,
    /// `fetched`, `checked` (by DNS), `cache` or `none`: where that comes from.
    pub source: String,
    /// What could not be learnt; the decision stands all the same.
    pub failure: Option<String>,
    /// What a TLS report calls it, if it belongs in one.
    pub result_type: Option<String>,
    /// The cache could not be read.
    pub store_error: Option<String>,
    /// What the cache holds now.
    pub entry: Option<CachedDomain>,
}

/// The configuration was read again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reloaded {
    /// What became of it, in words.
    pub reloaded: String,
}

/// How the daemon is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// For how long it runs.
    pub uptime: u64,
    /// Its clock.
    pub now: u64,
    /// As `/healthz` says.
    pub health: HealthReport,
    /// What the background check of MX hosts found; `None` if it is off.
    pub mx_check: Option<MxFigures>,
}

impl CachedDomain {
    /// Without the text of the policy.
    pub(super) fn brief(entry: &Entry, now: UnixTime) -> Self {
        let held = entry.held();
        let policy = held.map(|held| &*held.policy);
        let state = match (entry.live(now), held) {
            (Some(_), _) => "live",
            (None, Some(_)) => "expired",
            (None, None) => "failed",
        };
        Self {
            domain: entry.domain().to_string(),
            state: state.to_owned(),
            mode: policy.map(|policy| policy.mode().to_string()),
            id: held.map(|held| held.id.to_string()),
            mx: policy.map(|policy| policy.mx().map(|pattern| pattern.to_string()).collect()).unwrap_or_default(),
            max_age: policy.map(|policy| policy.max_age()),
            fetched_at: held.map(|held| held.fetched_at.0),
            checked_at: entry.checked_at().map(|at| at.0),
            expires_at: entry.expires_at().map(|at| at.0),
            refresh_at: entry.live(now).and_then(|_| entry.refresh_at(now)).map(|at| at.0),
            failed: entry.failed().map(|failed| CachedFailure {
                at: failed.at.0,
                until: failed.until.0,
                id: failed.id.to_string(),
                result_type: failed.result_type().to_string(),
            }),
            policy: Vec::new(),
        }
    }

    pub(super) fn whole(entry: &Entry, now: UnixTime) -> Self {
        let line = |(name, value): (&str, &str)| format!("{name}: {value}");
        let policy = entry.held().map(|held| held.policy.safe_lines().map(line).collect()).unwrap_or_default();
        Self { policy, ..Self::brief(entry, now) }
    }
}

impl Refreshed {
    pub(super) fn of(answer: &Answer, now: UnixTime) -> Self {
        let decision = match answer.decision {
            Decision::Enforce(_) => "enforce",
            Decision::Testing(_) => "testing",
            Decision::NoPolicy => "no-policy",
        };
        let source = match answer.source {
            Source::Cache => "cache",
            Source::Checked => "checked",
            Source::Fetched => "fetched",
            _ => "none",
        };
        Self {
            domain: answer.domain.to_string(),
            decision: decision.to_owned(),
            source: source.to_owned(),
            failure: answer.failure.map(|failure| failure.to_string()),
            result_type: answer.result_type.map(|result| result.to_string()),
            store_error: answer.store_error.as_ref().map(ToString::to_string),
            entry: answer.entry.as_ref().map(|entry| CachedDomain::whole(entry, now)),
        }
    }
}
