//! Whether the daemon works: what `/healthz` says.

mod fetches;

use crate::{locked::locked, operations::Operations};
use core::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use fetches::Fetches;
use mta_sts::{Answer, Decision, Domain, Failure, FetchError, Source, UnixTime};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

/// The canary is looked up no more often than this.
const CANARY_EVERY: Duration = Duration::from_secs(60);
/// The canary's policy is fetched when its last fetch is so many seconds ago: a policy whose id stays
/// would be asked for daily, and all the while only DNS be seen to work.
const CANARY_FETCHED_EVERY: u64 = 3600;
/// How long a check may take; who asks for the health waits five seconds.
const PATIENCE: Duration = Duration::from_secs(4);
/// What the store failed to keep is tried again every minute or so: one change that took too long is
/// stored by then.
const WRITE_OUTAGE: Duration = Duration::from_secs(150);

/// Watches the daemon.
#[derive(Debug)]
pub struct Health {
    canary: Mutex<Option<Domain>>,
    /// Of which canary, when and what. Locked while it is looked up, so that many who ask cause one
    /// lookup.
    last: tokio::sync::Mutex<Option<(Domain, Instant, Check)>>,
    fetches: Mutex<Fetches>,
    is_serving: AtomicBool,
}

/// What is well and what is not. As JSON:
/// `{"status":"ok","checks":[{"name":"store","status":"ok","detail":"…"}]}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// [`CheckStatus::Failing`] if any check is.
    pub status: CheckStatus,
    /// `listeners`, `store`, `fetches`, `canary`.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub status: CheckStatus,
    /// What was found, in words.
    pub detail: String,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// It works.
    Ok,
    /// It does not.
    Failing,
    /// It is not looked at, by the configuration.
    Off,
}

impl HealthReport {
    /// Nothing fails.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.status != CheckStatus::Failing
    }
}

impl Health {
    /// `canary`: a domain that has a policy, looked up once a minute at most when somebody asks, and
    /// fetched once an hour. A domain without a policy is a canary that fails: forged or empty DNS would
    /// look the same.
    #[must_use]
    pub fn new(canary: Option<Domain>) -> Self {
        let fetches = Mutex::new(Fetches::default());
        let canary = Mutex::new(canary);
        Self { canary, last: tokio::sync::Mutex::new(None), fetches, is_serving: AtomicBool::new(false) }
    }

    /// Goes by another canary.
    pub fn set_canary(&self, canary: Option<Domain>) {
        *locked(&self.canary) = canary;
    }

    /// Says whether all listeners are open. Not until this was called with `true`.
    pub fn set_serving(&self, serves: bool) {
        self.is_serving.store(serves, Ordering::Relaxed);
    }

    /// Notes a fetch of a policy that ended: `ok` if the way to policy hosts worked.
    pub fn fetch(&self, domain: &Domain, ok: bool, now: UnixTime) {
        self.fetches().note(domain, ok, now);
    }

    /// Notes the fetch in an answer, if there was one. That a policy host answered with something
    /// of no use is its own fault, and shows that the way to it works.
    pub fn answer(&self, answer: &Answer, now: UnixTime) {
        if !answer.asked_https {
            return;
        }
        let ok = match answer.failure {
            None if answer.source == Source::Fetched => true,
            None => return,
            Some(Failure::Fetch(FetchError::NotTried | FetchError::NotAllowed)) => return,
            Some(Failure::Fetch(error)) => !is_of_the_way(error),
            Some(_) => return,
        };
        self.fetch(&answer.domain, ok, now);
    }

    /// Looks at everything; takes four seconds at most.
    pub async fn report(&self, operations: &impl Operations) -> HealthReport {
        let (store, canary) = tokio::join!(check_store(operations), self.check_canary(operations));
        let checks = vec![self.check_listeners(), store, self.check_fetches(operations.now()), canary];
        let fails = checks.iter().any(|check| check.status == CheckStatus::Failing);
        HealthReport { status: if fails { CheckStatus::Failing } else { CheckStatus::Ok }, checks }
    }

    fn fetches(&self) -> MutexGuard<'_, Fetches> {
        locked(&self.fetches)
    }

    fn check_listeners(&self) -> Check {
        if self.is_serving.load(Ordering::Relaxed) {
            Check::ok("listeners", "open")
        } else {
            Check::failing("listeners", "closed: the daemon is starting or ending")
        }
    }

    fn check_fetches(&self, now: UnixTime) -> Check {
        match self.fetches().all_fail(now) {
            Some(domains) => Check::failing(
                "fetches",
                format!(
                    "the fetches of {domains} different domains within an hour all failed: check the way to port 443, \
                     the CA certificates and the clock of this machine"
                ),
            ),
            None => Check::ok("fetches", "not failing across domains"),
        }
    }

    async fn check_canary(&self, operations: &impl Operations) -> Check {
        let canary = locked(&self.canary).clone();
        let Some(canary) = canary else {
            return Check { name: "canary".to_owned(), status: CheckStatus::Off, detail: "none is set".to_owned() };
        };
        let looked_up = async {
            let mut last = self.last.lock().await;
            if let Some((of, at, check)) = &*last
                && (of, true) == (&canary, at.elapsed() < CANARY_EVERY)
            {
                return check.clone();
            }
            let answer = timeout(PATIENCE, look_up(operations, &canary)).await;
            let check = answer.map_or_else(|_| not_in_time(), |answer| judge(&answer));
            *last = Some((canary, Instant::now(), check.clone()));
            check
        };
        // Who waits behind somebody else's lookup has as little time.
        timeout(PATIENCE + Duration::from_millis(200), looked_up).await.unwrap_or_else(|_| not_in_time())
    }
}

/// Whether a failure may be this machine's, or its network's.
fn is_of_the_way(error: FetchError) -> bool {
    matches!(
        error,
        FetchError::Certificate | FetchError::Connect | FetchError::Dns | FetchError::Timeout | FetchError::Tls
    )
}

async fn check_store(operations: &impl Operations) -> Check {
    match timeout(PATIENCE, operations.cached_after(None, 1)).await {
        Ok(Ok(_)) => {
            let stats = operations.store_stats();
            check_writes(stats.write_outage, stats.unsaved)
        }
        Ok(Err(error)) => Check::failing("store", error.to_string()),
        Err(_) => Check::failing("store", "the policy store took too long"),
    }
}

/// Asks DNS, and from time to time the policy host too.
async fn look_up(operations: &impl Operations, canary: &Domain) -> Answer {
    let answer = operations.look_up_canary(canary).await;
    let now = operations.now();
    let is_due = answer.entry.as_ref().is_some_and(|entry| {
        let is_recent = |at: UnixTime| at <= now && now.since(at) < CANARY_FETCHED_EVERY;
        entry.failed().is_some() || entry.live(now).is_some_and(|held| !is_recent(held.fetched_at))
    });
    // What fails already stays so: a refresh gets by without the record.
    if answer.failure.is_none() && is_due { operations.refresh(canary).await } else { answer }
}

/// Policies that are in memory alone are lost with the process: RFC 8461 §10.2.
fn check_writes(outage: Option<Duration>, unsaved: usize) -> Check {
    let Some(outage) = outage else { return Check::ok("store", "readable") };
    let detail = format!(
        "readable, but changes have failed for {} s: {unsaved} entries are in memory alone, and lost with it",
        outage.as_secs()
    );
    if outage < WRITE_OUTAGE { Check::ok("store", detail) } else { Check::failing("store", detail) }
}

fn judge(answer: &Answer) -> Check {
    let domain = &answer.domain;
    // It outlasts the refreshes that are not made because the last was just now.
    let failed = answer.entry.as_ref().and_then(|entry| entry.failed());
    let trouble = match (&answer.failure, &answer.store_error) {
        (Some(failure), _) => failure.to_string(),
        (None, Some(error)) => error.to_string(),
        (None, None) if answer.decision == Decision::NoPolicy => {
            "it has no policy that applies: DNS is not what it should be here, or health.canary should name a domain \
             that has one"
                .to_owned()
        }
        (None, None) => match failed {
            Some(failed) => format!("the last fetch of its policy failed: {}", failed.result_type().as_str()),
            None => return Check::ok("canary", format!("{domain} was looked up")),
        },
    };
    Check::failing("canary", format!("{domain}: {trouble}"))
}

fn not_in_time() -> Check {
    Check::failing("canary", "no answer in time")
}

impl Check {
    fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status: CheckStatus::Ok, detail: detail.into() }
    }

    fn failing(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status: CheckStatus::Failing, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_cannot_be_written_is_told_of_and_red_if_that_lasts() {
        let check = |seconds| check_writes(Some(Duration::from_secs(seconds)), 7);
        assert_eq!(check_writes(None, 0), Check::ok("store", "readable"));
        assert_eq!(check(149).status, CheckStatus::Ok);
        assert_eq!(check(150).status, CheckStatus::Failing);
        assert!(check(149).detail.contains("failed for 149 s: 7 entries are in memory alone"));
    }
}
