//! The store that several machines share.

mod link;
mod options;
mod script;
mod target;

use super::{BoxFuture, PolicyStore, StoreError};
use crate::bounded::{Bounded, locked};
use core::{fmt, time::Duration};
use link::Link;
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
pub use options::RedisOptions;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, cmd};
use script::{CHANGE, Changed, FORGET};
use std::sync::Mutex;
use target::{Target, failed};

/// An entry without a policy is kept for so many seconds.
const FAILED_LIFE: u64 = 86_400;
/// A policy that has ended is kept for so many seconds: the refresher wants it back.
const ENDED_LIFE: u64 = 180 * 86_400;
/// So often a change is tried that others interfere with.
const TRIES: usize = 10;
/// Two looks that find an entry dead must lie so many seconds apart.
const BETWEEN_LOOKS: u64 = 3600;
const PAGE: usize = 100;

/// A store in Redis 6.2 or newer, or Valkey, that many processes and machines share.
///
/// There is one connection, made behind and made anew when it is lost. While it is not there calls
/// fail at once; a server that does not answer for a second counts as lost.
///
/// # Keys
/// All begin with the prefix: the text form of the [`Entry`] of a domain in `PREFIXdomain`, which
/// expires with the policy and 180 days after it, or after a day if there is no policy; the sorted
/// sets `PREFIX:index` (domains in order) and `PREFIX:used` (when mail was last sent to each); and
/// `PREFIX:lease:domain`. A change is one script that compares what is there with what was read, so
/// that no newer policy is lost. Something else under one of our keys is [`StoreError::Corrupt`]
/// until a policy is fetched for its domain.
///
/// Protection lives in these keys: set `maxmemory-policy` to `noeviction` or one of the `volatile-`
/// policies, never `allkeys-…`, and let the server persist (`appendonly yes`). Redis Cluster is not
/// supported: the script needs several keys.
///
/// # Access
/// Whoever can write to the server decides for which hosts mail is meant: bind it to loopback or a
/// private network, or use `rediss:` (TLS 1.2 or 1.3, the certificate must name the host of the URL,
/// or with sentinels the address that they give), and a user of its own:
/// ```text
/// ACL SETUSER mta-sts on >PASSWORD ~mta-sts:* resetchannels -@all +get +mget +set +eval +exists
///     +type +del +zadd +zrem +zscore +zcard +zrangebylex +zrangebyscore +ping +select +info +role
/// ```
/// `+info` lets `mta-sts doctor` see the eviction policy; `+role` is for sentinels only; in them the user needs `+sentinel|get-master-addr-by-name`.
/// ```no_run
/// use mta_sts::{RedisOptions, RedisStore, Resolver};
/// use std::sync::Arc;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::open(RedisOptions::new("redis://127.0.0.1:6379/0"))?;
/// let resolver = Resolver::builder().store(Arc::new(store)).memory_level(10_000);
/// # Ok(())
/// # }
/// ```
pub struct RedisStore {
    link: Link,
    prefix: String,
    /// When unused entries were first found dead.
    dead_since: Mutex<Bounded<UnixTime>>,
}

/// What is stored for a domain.
enum Stored {
    Nothing,
    Bytes(Vec<u8>),
    /// A key of another type.
    Foreign,
}

/// What of a domain is to be forgotten.
enum Forget<'a> {
    /// Nothing but its mention, if the entry is no longer there.
    Expired,
    /// The entry if it is still this one.
    These(&'a [u8]),
    Anything,
}

impl RedisStore {
    /// A store on that server, which need not be up. Within a tokio runtime it begins to connect,
    /// else with the first call.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if a URL is not valid, or if TLS finds no trust anchor.
    pub fn open(options: RedisOptions) -> Result<Self, StoreError> {
        let link = Link::new(Target::new(&options)?);
        Ok(Self { link, prefix: options.prefix, dead_since: Mutex::new(Bounded::new(10_000)) })
    }

    /// Waits for the connection, without end: give it a deadline. Nobody has to wait; a program
    /// that has just started may want to, rather than find its cache unreadable.
    pub async fn connected(&self) {
        self.link.connected().await;
    }

    /// What the server says of its memory (`INFO memory`), and so whether it throws keys away. Needs
    /// `+info` where there are access rules; nothing else does.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if there is no connection now, or the server refuses.
    pub async fn memory_info(&self) -> Result<String, StoreError> {
        self.ask(cmd("INFO").arg("memory")).await.map_err(failed)
    }

    fn key(&self, domain: &Domain) -> String {
        format!("{}{}", self.prefix, domain.as_str())
    }

    /// No domain has a colon: these keys are nobody's entry.
    fn index(&self) -> String {
        format!("{}:index", self.prefix)
    }

    fn used_key(&self) -> String {
        format!("{}:used", self.prefix)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut connection = self.link.connection().map_err(|why| match why {
            StoreError::Failed(why) => RedisError::from((ErrorKind::Io, "no connection", why)),
            _ => RedisError::from((ErrorKind::Io, "no connection")),
        })?;
        let call = self.link.call();
        let answer = command.query_async(&mut connection).await;
        // An error may mean that the server is no longer the master.
        if !matches!(&answer, Err(error) if !is_wrong_type(error)) {
            call.answered();
        }
        answer
    }

    async fn read(&self, domain: &Domain) -> Result<Stored, StoreError> {
        match self.ask::<Option<Vec<u8>>>(cmd("GET").arg(self.key(domain))).await {
            Ok(Some(bytes)) => Ok(Stored::Bytes(bytes)),
            Ok(None) => Ok(Stored::Nothing),
            Err(error) if is_wrong_type(&error) => Ok(Stored::Foreign),
            Err(error) => Err(failed(error)),
        }
    }

    /// Sets the entry if the key still holds what was read.
    async fn replace(&self, read: &Stored, entry: &Entry, now: UnixTime) -> Result<Changed, StoreError> {
        let (kind, expected) = match read {
            Stored::Nothing => ("none", &[][..]),
            Stored::Bytes(bytes) => ("string", &bytes[..]),
            Stored::Foreign => ("foreign", &[][..]),
        };
        let life = match entry.held() {
            Some(held) => held.fetched_at.plus(held.life()).since(now).saturating_add(ENDED_LIFE),
            None => FAILED_LIFE,
        };
        let domain = entry.domain();
        let mut change = cmd("EVAL");
        change.arg(CHANGE).arg(3).arg(self.key(domain)).arg(self.index()).arg(self.used_key());
        change.arg(kind).arg(expected).arg(entry.encode()).arg(life.min(MAX_EXPIRY)).arg(domain.as_str()).arg(now.0);
        self.ask(&change).await.map_err(failed)
    }

    async fn change(&self, domain: &Domain, op: &CacheOp, now: UnixTime) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let read = self.read(domain).await?;
            let current = match &read {
                Stored::Nothing => None,
                Stored::Bytes(bytes) => Entry::decode(bytes, domain).ok(),
                Stored::Foreign => None,
            };
            // Only a policy may replace what cannot be read: a failure would make it an empty entry.
            if current.is_none() && !matches!(read, Stored::Nothing) && !brings_policy(op, domain) {
                return Err(StoreError::Corrupt);
            }
            let before = current.clone();
            let Some(entry) = Entry::apply(current, domain, op, now) else { return Ok(()) };
            if before.is_some_and(|before| before == entry) {
                return Ok(());
            }
            if self.replace(&read, &entry, now).await? == Changed::Done {
                return Ok(());
            }
        }
        Err(failed("others change the entry in Redis all the time"))
    }

    async fn page(&self, after: Option<&Domain>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let mut page = Vec::new();
        let mut from = after.map_or_else(|| "-".to_owned(), |after| format!("({}", after.as_str()));
        while page.len() < limit {
            let wanted = (limit - page.len()).min(PAGE);
            let range =
                |key: String| cmd("ZRANGEBYLEX").arg(key).arg(&from).arg("+").arg("LIMIT").arg(0).arg(wanted).take();
            let names: Vec<String> = match self.ask(&range(self.index())).await {
                Ok(names) => names,
                // It is made anew with the next change.
                Err(error) if is_wrong_type(&error) => return Ok(page),
                Err(error) => return Err(failed(error)),
            };
            let Some(last) = names.last() else { break };
            from = format!("({last}");
            let is_last = names.len() < wanted;
            let keys: Vec<_> = names.iter().map(|name| format!("{}{name}", self.prefix)).collect();
            let values: Vec<Option<Vec<u8>>> = self.ask(cmd("MGET").arg(keys)).await.map_err(failed)?;
            for (name, value) in names.iter().zip(values) {
                let Ok(domain) = Domain::from_ascii(name) else { continue };
                match value.map(|bytes| Entry::decode(&bytes, &domain)) {
                    Some(Ok(entry)) => page.push(entry),
                    Some(Err(_)) => tracing::debug!(%domain, "the policy store holds a corrupt entry"),
                    // It has expired.
                    None => drop(self.forget(&domain, Forget::Expired).await?),
                }
            }
            if is_last {
                break;
            }
        }
        Ok(page)
    }

    async fn forget(&self, domain: &Domain, what: Forget<'_>) -> Result<bool, StoreError> {
        let (what, bytes) = match what {
            Forget::Expired => ("expired", &[][..]),
            Forget::These(bytes) => ("these", bytes),
            Forget::Anything => ("anything", &[][..]),
        };
        let mut forget = cmd("EVAL");
        forget.arg(FORGET).arg(3).arg(self.key(domain)).arg(self.index()).arg(self.used_key());
        forget.arg(domain.as_str()).arg(what).arg(bytes);
        self.ask(&forget).await.map_err(failed)
    }

    async fn drop_unused(&self, now: UnixTime, unused_before: UnixTime) -> Result<usize, StoreError> {
        let mut removed = 0;
        let mut from = 0;
        loop {
            let mut range = cmd("ZRANGEBYSCORE");
            range
                .arg(self.used_key())
                .arg("-inf")
                .arg(format!("({}", unused_before.0))
                .arg("LIMIT")
                .arg(from)
                .arg(PAGE);
            let names: Vec<String> = match self.ask(&range).await {
                Ok(names) => names,
                Err(error) if is_wrong_type(&error) => return Ok(removed),
                Err(error) => return Err(failed(error)),
            };
            for domain in names.iter().filter_map(|name| Domain::from_ascii(name).ok()) {
                let is_gone = match self.dead_again(&domain, now).await? {
                    Some(bytes) => self.forget(&domain, Forget::These(&bytes)).await?,
                    None => self.forget(&domain, Forget::Expired).await?,
                };
                removed += usize::from(is_gone);
                from += usize::from(!is_gone);
            }
            if names.len() < PAGE {
                return Ok(removed);
            }
        }
    }

    /// The entry if it was found dead an hour ago and again.
    async fn dead_again(&self, domain: &Domain, now: UnixTime) -> Result<Option<Vec<u8>>, StoreError> {
        // What cannot be read may hold a live policy, and stays.
        let Stored::Bytes(bytes) = self.read(domain).await? else { return Ok(None) };
        let Ok(entry) = Entry::decode(&bytes, domain) else { return Ok(None) };
        let mut dead_since = locked(&self.dead_since);
        if entry.live(now).is_some() {
            dead_since.remove(domain);
            return Ok(None);
        }
        match dead_since.peek(domain) {
            Some(since) if now.since(*since) >= BETWEEN_LOOKS => {
                dead_since.remove(domain);
                Ok(Some(bytes))
            }
            Some(_) => Ok(None),
            None => {
                dead_since.insert(domain, now);
                Ok(None)
            }
        }
    }
}

/// The longest expiry, in seconds: ten years, far below what Redis takes.
const MAX_EXPIRY: u64 = 10 * 31_557_600;

fn brings_policy(op: &CacheOp, domain: &Domain) -> bool {
    matches!(op, CacheOp::Fetched(entry) if entry.domain() == domain && entry.held().is_some())
}

fn is_wrong_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl PolicyStore for RedisStore {
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        Box::pin(async {
            match self.read(domain).await? {
                Stored::Nothing => Ok(None),
                Stored::Bytes(bytes) => Entry::decode(&bytes, domain).map(Some).map_err(|_| StoreError::Corrupt),
                Stored::Foreign => Err(StoreError::Corrupt),
            }
        })
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.change(domain, op, now))
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        Box::pin(self.page(after, limit))
    }

    /// Redis lets entries expire by itself.
    fn prune(&self, _now: UnixTime) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(core::future::ready(Ok(0)))
    }

    fn prune_unused(&self, now: UnixTime, unused_before: UnixTime) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.drop_unused(now, unused_before))
    }

    fn remove<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(self.forget(domain, Forget::Anything))
    }

    fn touch<'a>(&'a self, domain: &'a Domain, now: UnixTime) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            // Only what is there already.
            let touch = cmd("ZADD").arg(self.used_key()).arg("XX").arg(now.0).arg(domain.as_str()).take();
            self.ask(&touch).await.map_err(failed)
        })
    }

    fn used<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<UnixTime>, StoreError>> {
        Box::pin(async {
            let used = cmd("ZSCORE").arg(self.used_key()).arg(domain.as_str()).take();
            let used: Option<f64> = self.ask(&used).await.map_err(failed)?;
            Ok(used.map(|used| UnixTime(used as u64)))
        })
    }

    fn lease<'a>(&'a self, domain: &'a Domain, time: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).clamp(1, MAX_EXPIRY * 1000);
            let mut lease = cmd("SET");
            lease.arg(format!("{}:lease:{}", self.prefix, domain.as_str())).arg(1).arg("NX").arg("PX").arg(millis);
            let set: Option<String> = self.ask(&lease).await.map_err(failed)?;
            Ok(set.is_some())
        })
    }

    fn len(&self) -> BoxFuture<'_, Result<Option<usize>, StoreError>> {
        Box::pin(async { self.ask(cmd("ZCARD").arg(self.index())).await.map(Some).map_err(failed) })
    }
}
