//! What the running daemon tells and does for its operator.

use super::Reloader;
use crate::{
    health::Health,
    locked::locked,
    mx_check::{MxCheck, MxCheckOptions, MxFigures},
    operations::Operations,
    service::Service,
};
use core::time::Duration;
use mta_sts::{Answer, DnsError, Domain, Entry, Intent, MxHosts, StoreError, StoreStats, UnixTime};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Debug)]
pub(super) struct Live {
    service: Service,
    reloader: Reloader,
    mx: Mutex<Option<(Duration, MxCheck)>>,
}

impl Live {
    pub(super) fn new(service: Service, reloader: Reloader) -> Self {
        Self { service, reloader, mx: Mutex::default() }
    }

    pub(super) fn health(&self) -> &Health {
        self.service.health()
    }

    /// Checks the MX hosts of all policies once in every `period`, or not at all.
    pub(super) fn check_mx(self: &Arc<Self>, period: Option<Duration>) {
        let mut mx = self.mx();
        if mx.as_ref().map(|(period, _)| *period) != period {
            let start = |period| MxCheck::start(self.clone(), MxCheckOptions { period, ..MxCheckOptions::default() });
            *mx = period.map(|period| (period, start(period)));
        }
    }

    pub(super) fn mx_figures(&self) -> Option<MxFigures> {
        self.mx().as_ref().map(|(_, check)| check.figures())
    }

    fn mx(&self) -> MutexGuard<'_, Option<(Duration, MxCheck)>> {
        locked(&self.mx)
    }
}

impl Operations for Live {
    async fn cached_after(&self, after: Option<&Domain>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.service.resolver().cached_after(after, limit).await
    }

    async fn cached(&self, domain: &Domain) -> Result<Option<Entry>, StoreError> {
        self.service.resolver().cached(domain).await
    }

    async fn forget(&self, domain: &Domain) -> Result<bool, StoreError> {
        self.service.resolver().forget(domain).await
    }

    async fn forget_all_here(&self) -> Result<u64, StoreError> {
        self.service.resolver().forget_all_here().await
    }

    async fn refresh(&self, domain: &Domain) -> Answer {
        self.service.resolver().refresh(domain).await
    }

    async fn look_up_canary(&self, domain: &Domain) -> Answer {
        self.service.resolver().resolve_with(domain, Intent::BeforeBounce).await
    }

    async fn mx_hosts(&self, domain: &Domain) -> Result<MxHosts, DnsError> {
        self.service.resolver().mx_hosts(domain).await
    }

    fn store_stats(&self) -> StoreStats {
        self.service.resolver().store_stats()
    }

    fn now(&self) -> UnixTime {
        self.service.resolver().now()
    }

    async fn metrics(&self) -> String {
        let metrics = self.service.metrics();
        metrics.set_cache_size(self.service.resolver().cached_len().await.ok().flatten());
        metrics.set_store(&self.store_stats());
        if let Some(figures) = self.mx_figures() {
            metrics.set_mx(&figures);
        }
        metrics.render()
    }

    async fn reload(&self) -> Result<String, String> {
        self.reloader.reload().await
    }
}
