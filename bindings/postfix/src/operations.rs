//! What the interfaces for operators ask of the daemon.

use mta_sts::{Answer, DnsError, Domain, Entry, MxHosts, StoreError, StoreStats, UnixTime};

/// What the daemon can tell and do for its operator: the seam between [`Http`](crate::Http),
/// [`Admin`](crate::Admin), [`MxCheck`](crate::MxCheck) and the parts that know.
pub trait Operations: Send + Sync + 'static {
    /// The entries of the cache in the order of their domains, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`]: what the cache holds is not known.
    fn cached_after(
        &self,
        after: Option<&Domain>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send;

    /// What the cache holds for a domain, dead or alive.
    ///
    /// # Errors
    /// [`StoreError`]: as above.
    fn cached(&self, domain: &Domain) -> impl Future<Output = Result<Option<Entry>, StoreError>> + Send;

    /// Forgets a domain: says whether there was anything to forget.
    ///
    /// # Errors
    /// [`StoreError`]: it may be there still.
    fn forget(&self, domain: &Domain) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Forgets what only this process holds, of every domain: says of how many there was something.
    ///
    /// # Errors
    /// [`StoreError`]: it may be there still.
    fn forget_all_here(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Renews what is cached for a domain, and waits for the end. Counts as no use of the domain.
    fn refresh(&self, domain: &Domain) -> impl Future<Output = Answer> + Send;

    /// Looks up the domain that [`Health`](crate::Health) goes by. It must really ask DNS, as
    /// [`Intent::BeforeBounce`](mta_sts::Intent::BeforeBounce) does.
    fn look_up_canary(&self, domain: &Domain) -> impl Future<Output = Answer> + Send;

    /// The MX hosts of a domain. Counts as no use of the domain.
    ///
    /// # Errors
    /// [`DnsError`]: they are not known.
    fn mx_hosts(&self, domain: &Domain) -> impl Future<Output = Result<MxHosts, DnsError>> + Send;

    /// What the policy store did so far, and what it failed to do.
    fn store_stats(&self) -> StoreStats;

    /// The time that cache entries are judged by.
    fn now(&self) -> UnixTime;

    /// All metrics in the OpenMetrics text format.
    fn metrics(&self) -> impl Future<Output = String> + Send;

    /// Reads the configuration again: says what became of it.
    ///
    /// # Errors
    /// Why it stays as it is; a sentence for the operator.
    fn reload(&self) -> impl Future<Output = Result<String, String>> + Send;
}
