//! One round of the MX check: every policy once.

use super::{Figures, MxCheckOptions, jittered, locked};
use crate::operations::Operations;
use mta_sts::{Domain, Entry, Mode, MxHosts, Policy, StoreError, UnixTime};
use std::sync::{Arc, Mutex};
use tokio::{sync::Semaphore, task::JoinSet, time::sleep};

const PAGE: usize = 100;

/// Goes through the store: once to count what there is, so that the checks can be spread, and once
/// to check.
pub(super) async fn go<O: Operations>(
    operations: &Arc<O>,
    options: &MxCheckOptions,
    figures: &Arc<Mutex<Figures>>,
) -> Result<(), StoreError> {
    let mut policies = 0_u32;
    let mut pages = Pages::default();
    while let Some(page) = pages.next(&**operations).await? {
        policies = policies.saturating_add(page.len() as u32);
    }
    let pause = (options.period / policies.max(1)).min(options.max_pause);
    locked(figures).begin();
    let places = Arc::new(Semaphore::new(options.at_once.max(1)));
    let mut checks = JoinSet::new();
    let mut pages = Pages::default();
    let mut number = 0;
    while let Some(page) = pages.next(&**operations).await? {
        for (domain, policy) in page {
            // Never closed.
            let Ok(place) = places.clone().acquire_owned().await else { return Ok(()) };
            while checks.try_join_next().is_some() {}
            let (operations, figures) = (operations.clone(), figures.clone());
            checks.spawn(async move {
                check(&*operations, &figures, &domain, &policy).await;
                drop(place);
            });
            number += 1;
            sleep(jittered(pause, number)).await;
        }
    }
    while checks.join_next().await.is_some() {}
    locked(figures).end(operations.now());
    Ok(())
}

async fn check(operations: &impl Operations, figures: &Mutex<Figures>, domain: &Domain, policy: &Policy) {
    match operations.mx_hosts(domain).await {
        Err(error) => {
            tracing::debug!(%domain, %error, "the MX check does not know the MX hosts");
            locked(figures).unknown();
        }
        Ok(hosts) => {
            let names: Vec<_> = match hosts {
                // RFC 7505: it accepts no mail, so that there is none to lose.
                MxHosts::Null => Vec::new(),
                MxHosts::Hosts(hosts) => hosts.into_iter().map(|host| host.name).collect(),
            };
            let all = names.len();
            // RFC 8461 §4.1.
            let refused: Vec<_> = names.into_iter().filter(|name| !policy.permits_mx(name)).collect();
            let hopeless = !refused.is_empty() && refused.len() == all;
            locked(figures).checked(domain, policy.mode(), refused, hopeless, operations.now());
        }
    }
}

/// Pages of the store, of which the policies that matter are given.
#[derive(Default)]
struct Pages {
    last: Option<Domain>,
    ended: bool,
}

impl Pages {
    async fn next(&mut self, operations: &impl Operations) -> Result<Option<Vec<(Domain, Arc<Policy>)>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let page = operations.cached_after(self.last.as_ref(), PAGE).await?;
        self.ended = page.len() < PAGE;
        self.last = page.last().map(|entry| entry.domain().clone()).or(self.last.take());
        let now = operations.now();
        Ok(Some(page.iter().filter_map(|entry| policy_to_check(entry, now)).collect()))
    }
}

fn policy_to_check(entry: &Entry, now: UnixTime) -> Option<(Domain, Arc<Policy>)> {
    let policy = &entry.live(now)?.policy;
    (policy.mode() != Mode::None).then(|| (entry.domain().clone(), policy.clone()))
}
