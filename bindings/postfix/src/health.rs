//! Whether the daemon works: what `/healthz` says.

mod fetches;

use crate::{locked::locked, operations::Operations};
use core::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use fetches::Fetches;
use mta_sts::{Answer, Domain, Failure, FetchError, Source, UnixTime};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

/// The canary is looked up no more often than this.
const CANARY_EVERY: Duration = Duration::from_secs(60);
/// How long a check may take; who asks for the health waits five seconds.
const PATIENCE: Duration = Duration::from_secs(4);

/// Watches the daemon.
#[derive(Debug)]
pub struct Health {
    canary: Mutex<Option<Domain>>,
    /// Locked while the canary is looked up, so that many who ask cause one lookup.
    last: tokio::sync::Mutex<Option<(Instant, Check)>>,
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
    /// `canary`: a domain that has a policy, looked up once a minute at most when somebody asks.
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
            if let Some((at, check)) = &*last
                && at.elapsed() < CANARY_EVERY
            {
                return check.clone();
            }
            let answer = timeout(PATIENCE, operations.look_up_canary(&canary)).await;
            let check = answer.map_or_else(|_| not_in_time(), |answer| judge(&answer));
            *last = Some((Instant::now(), check.clone()));
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
        Ok(Ok(_)) => Check::ok("store", "readable"),
        Ok(Err(error)) => Check::failing("store", error.to_string()),
        Err(_) => Check::failing("store", "the policy store took too long"),
    }
}

fn judge(answer: &Answer) -> Check {
    let domain = &answer.domain;
    match (&answer.failure, &answer.store_error) {
        (Some(failure), _) => Check::failing("canary", format!("{domain}: {failure}")),
        (None, Some(error)) => Check::failing("canary", format!("{domain}: {error}")),
        (None, None) if answer.entry.as_ref().and_then(|entry| entry.held()).is_none() => {
            Check::ok("canary", format!("{domain} was looked up; it has no policy, one that has shows more"))
        }
        (None, None) => Check::ok("canary", format!("{domain} was looked up")),
    }
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
