//! The resolver: from a domain to an answer.

use crate::{
    answer::{Answer, Moment, ResolveError, Warm},
    bounded::{Bounded, locked},
    builder::{Freshness, ResolverBuilder, Timeouts},
    cache::{OnLookup, RefreshEvery},
    clock::Clock,
    dane::Dane,
    dns::{Dns, DnsError},
    flight::{Flights, Joined, Progress},
    https::Https,
    probe::Prober,
    sharded::Sharded,
    store::{Known, Layered},
};
use core::fmt;
use mta_sts_core::{Config, Domain, Entry, Failure, FetchError, Intent, Lookup, Mode, Txt, TxtRecords, UnixTime, Want};
use std::{
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

/// Looks up MTA-STS policies. Clones share everything; dropping the last one ends the lookups
/// that are still under way.
#[derive(Clone)]
pub struct Resolver {
    pub(crate) core: Arc<Core>,
    /// Lookups hold the core, but only resolvers hold this.
    _alive: Arc<Alive>,
}

pub(crate) struct Core {
    pub(crate) store: Arc<Layered>,
    pub(crate) dns: Arc<Dns>,
    pub(crate) https: Https,
    pub(crate) prober: Prober,
    pub(crate) dane: Option<Arc<Dane>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) timeouts: Timeouts,
    pub(crate) freshness: Freshness,
    pub(crate) max_under_way: usize,
    pub(crate) memory: Memory,
    pub(crate) flights: Flights,
    pub(crate) unused_after: Duration,
    pub(crate) refresh_every: Mutex<Option<RefreshEvery>>,
    pub(crate) on_lookup: Mutex<Option<OnLookup>>,
}

/// The store is told of use at most once in so many seconds.
const BETWEEN_TOUCHES: u64 = 86_400;

/// What the process remembers of domains beside their policies.
pub(crate) struct Memory {
    /// Answers without a policy until their next check, and when they were given.
    no_policy: Mutex<Bounded<(UnixTime, Answer)>>,
    /// When mail was last sent there.
    used: Sharded<UnixTime>,
    /// When the store was last told that.
    touched: Mutex<Bounded<UnixTime>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            no_policy: Mutex::new(Bounded::new(10_000)),
            used: Sharded::new(100_000),
            touched: Mutex::new(Bounded::new(100_000)),
        }
    }
}

struct Alive(Arc<Core>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.flights.abort_all();
        if let Some(dane) = &self.0.dane {
            dane.abort_all();
        }
    }
}

impl Resolver {
    /// Begins the settings of a resolver.
    pub fn builder() -> ResolverBuilder {
        ResolverBuilder::new()
    }

    pub(crate) fn start(core: Core) -> Self {
        let core = Arc::new(core);
        Self { _alive: Arc::new(Alive(core.clone())), core }
    }

    /// What to do with mail for `domain`, the part of the address after the `@` or the next hop
    /// (RFC 8461 §3.4). U-labels are converted; letter case and one final dot do not matter.
    ///
    /// The future may be dropped at any time: the lookup goes on and its result is kept.
    ///
    /// # Errors
    /// [`ResolveError`] if that is no domain name. Everything else is an [`Answer`].
    pub async fn resolve(&self, domain: &str) -> Result<Answer, ResolveError> {
        let domain = Domain::from_unicode(domain)?;
        Ok(self.resolve_with(&domain, Intent::Deliver).await)
    }

    /// What to do with mail for `domain`, looked up for a certain purpose.
    ///
    /// [`Intent::BeforeBounce`] always asks DNS (RFC 8461 §5.1). [`Intent::Refresh`] renews what is
    /// cached and waits for the end; [`Resolver::spawn_refresher`] does that by itself.
    pub async fn resolve_with(&self, domain: &Domain, intent: Intent) -> Answer {
        let answer = self.core.resolve(domain, intent).await;
        answer.log(intent, self.core.clock.now());
        answer
    }

    /// What to do with mail for `domain`, if memory alone can say so: a live policy that was checked
    /// lately is cached there. It is what [`Resolver::resolve_with`] would say for a delivery, and
    /// the domain counts as used. `None`: only that call can tell.
    #[must_use]
    pub fn warm(&self, domain: &Domain) -> Option<Warm> {
        let now = self.core.clock.now();
        let warm = self.core.warm(domain, now)?;
        warm.log(now);
        Some(warm)
    }

    /// How long things may take.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        self.core.timeouts
    }

    /// What [`Resolver::warm`] depends on, besides the domain.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { changes: self.core.store.changes(), at: self.core.clock.now() }
    }

    /// Counts an answer of [`Resolver::warm`] that was given once more.
    pub fn warm_again(&self) {
        self.core.store.sufficed();
    }
}

impl Resolver {
    /// The TXT records of a name, which is taken as absolute, with or without its final dot; none if
    /// there are none. To show them: what they mean for mail [`Resolver::resolve`] says.
    ///
    /// # Errors
    /// [`DnsError`] if DNS did not say which they are.
    pub async fn txt(&self, name: &str) -> Result<TxtRecords, DnsError> {
        self.core.dns.txt(name).await
    }

    /// Whether DNSSEC vouches for what DNS says of a name, which is taken as absolute, with or without its
    /// final dot: to see whether validation works here. By what
    /// [`ResolverBuilder::dane_trust`](crate::ResolverBuilder::dane_trust) says; `false` without it.
    ///
    /// # Errors
    /// [`DnsError`]: that is not known, or the answer is bogus.
    pub async fn vouches_for(&self, name: &str) -> Result<bool, DnsError> {
        match &self.core.dane {
            Some(dane) => dane.vouches_for(name).await,
            None => Ok(false),
        }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) async fn resolve(self: &Arc<Self>, domain: &Domain, intent: Intent) -> Answer {
        let deadline = Instant::now() + self.timeouts.caller;
        let now = self.clock.now();
        let waits_for_end = intent == Intent::Refresh || self.freshness == Freshness::Checked;
        let at_once = intent == Intent::Deliver && !waits_for_end;
        if intent != Intent::Refresh {
            self.use_now(domain, now);
        }
        let suffices = |entry: &Entry| {
            let wants_nothing =
                || Lookup::new(domain, Some(entry.clone()), intent, self.config, now).want() == Want::Nothing;
            if at_once { entry.live(now).is_some() } else { wants_nothing() }
        };
        let known = self.store.look(domain, now, suffices).await;
        let Known { entry, error, .. } = known.clone();
        let lookup = Lookup::new(domain, entry.clone(), intent, self.config, now);
        let provisional = lookup.provisional();
        if let Some(outcome) = lookup.into_outcome() {
            return Answer { was_known: true, ..Answer::of(domain, outcome, entry, now) }.with_store_error(error);
        }
        let has_policy = provisional.is_some();
        let so_far = Answer::without_lookup(domain, provisional, entry, None, now).with_store_error(error);
        if at_once
            && !has_policy
            && let Some(remembered) = self.remembered(domain, now)
        {
            return Answer { was_known: true, entry: so_far.entry, store_error: so_far.store_error, ..remembered };
        }
        if at_once && has_policy {
            // RFC 8461 §5.1: deliver by the cached policy while a newer one is looked for.
            self.flights.join(domain, intent, known, self);
            return Answer { was_known: true, ..so_far };
        }
        let Joined::Flight(mut flight) = self.flights.join(domain, intent, known, self) else {
            return gave_up(so_far, Failure::Fetch(FetchError::NotTried), now);
        };
        let ended = async {
            // The sender is gone without an end if the lookup was aborted.
            flight.wait_for(|progress| matches!(progress, Progress::Ended(_))).await.is_ok()
        };
        if waits_for_end {
            ended.await;
        } else {
            let _ = timeout_at(deadline, ended).await;
        }
        match &*flight.borrow() {
            Progress::Ended(answer) => Answer::clone(answer),
            Progress::Fetching => gave_up(so_far, Failure::Fetch(FetchError::Timeout), now),
            Progress::Asking => gave_up(so_far, Failure::DnsTemporary, now),
        }
    }

    /// The answer of a lookup that wants nothing, from what is in memory.
    fn warm(&self, domain: &Domain, now: UnixTime) -> Option<Warm> {
        let entry = self.store.at_once(domain, now)?;
        let decision = Lookup::at_once(&entry, self.config, now)?;
        self.store.sufficed();
        Some(Warm { decision, entry, at: now })
    }

    /// Drives one lookup to its end, which starts with what is `known` and was read for it.
    pub(crate) async fn look_up(
        &self,
        domain: &Domain,
        intent: Intent,
        known: Known,
        progress: &watch::Sender<Progress>,
    ) -> Arc<Answer> {
        let patience = self.store.patience(&known);
        let Known { entry, error, .. } = known;
        let started = self.clock.now();
        let mut lookup = Lookup::new(domain, entry.clone(), intent, self.config, started);
        let mut asked_https = false;
        loop {
            match lookup.want() {
                Want::Txt { name } => {
                    let name = name.to_owned();
                    let found = self.dns.txt(&name).await;
                    let answer = match &found {
                        Ok(records) if records.is_empty() => Txt::Absent,
                        Ok(records) => Txt::Records(records),
                        Err(_) => Txt::TempFail,
                    };
                    if intent == Intent::Refresh && matches!(answer, Txt::Absent) {
                        warn_of_vanished_record(entry.as_ref(), started);
                    }
                    // It is what was wanted, so it is in turn.
                    let _ = lookup.txt(answer, self.clock.now());
                }
                Want::Https { .. } => {
                    progress.send_replace(Progress::Fetching);
                    asked_https |= self.https.drive(&mut lookup, &*self.clock).await;
                }
                Want::Nothing => break,
            }
        }
        let now = self.clock.now();
        let provisional = lookup.provisional();
        let Some(outcome) = lookup.into_outcome() else {
            // A lookup that wants nothing has an outcome; a live policy applies all the same.
            let failure = Some(Failure::Fetch(FetchError::NotTried));
            let answer = Answer::without_lookup(domain, provisional, entry, failure, now);
            return Arc::new(answer.with_store_error(error));
        };
        let change = outcome.cache.clone();
        let answer = Answer { asked_https, ..Answer::of(domain, outcome, entry.clone(), now) }.with_store_error(error);
        let answer = Arc::new(answer);
        self.remember(&answer, now);
        let observe = locked(&self.on_lookup).clone();
        if let Some(observe) = observe {
            observe(&answer);
        }
        let is_use = intent != Intent::Refresh && answer.entry.is_some();
        let mut saving = pin!(async {
            let is_first = entry.is_none();
            self.store.write(domain, &change, entry, now).await;
            if is_use {
                self.touch(domain, is_first, now).await;
            }
        });
        if timeout(patience, &mut saving).await.is_err() {
            // Nobody has to wait longer for a store that hangs: memory holds what it then failed to keep.
            progress.send_replace(Progress::Ended(answer.clone()));
            saving.await;
        }
        answer
    }

    fn remembered(&self, domain: &Domain, now: UnixTime) -> Option<Answer> {
        let mut no_policy = locked(&self.memory.no_policy);
        let (since, answer) = no_policy.get(domain)?;
        // A clock that was set back must not make it last.
        (*since <= now && now < answer.next_check).then(|| answer.clone())
    }

    /// A domain without a policy, or a dead name server, is not asked at each delivery.
    fn remember(&self, answer: &Answer, now: UnixTime) {
        let mut no_policy = locked(&self.memory.no_policy);
        let has_policy = answer.entry.as_ref().is_some_and(|entry| entry.live(now).is_some());
        if has_policy || answer.store_error.is_some() {
            no_policy.remove(&answer.domain);
        } else {
            let domain = &answer.domain;
            let answer = Answer { entry: None, asked_https: false, confirms_bounce: false, ..answer.clone() };
            no_policy.insert(domain, (now, answer));
        }
    }

    pub(crate) fn use_now(&self, domain: &Domain, now: UnixTime) {
        let mut used = self.memory.used.of(domain);
        // To the minute: a busy domain costs no more than a look.
        if used.peek(domain).is_none_or(|used| *used > now || now.since(*used) >= 60) {
            used.insert(domain, now);
        }
    }

    /// Tells the store once a day that mail is sent to the domain. The first entry tells that too.
    async fn touch(&self, domain: &Domain, is_first: bool, now: UnixTime) {
        let is_told = |touched: &UnixTime| *touched <= now && now.since(*touched) < BETWEEN_TOUCHES;
        if locked(&self.memory.touched).get(domain).is_some_and(|touched| is_told(touched)) {
            return;
        }
        if is_first || self.store.touch(domain, now).await.is_ok() {
            locked(&self.memory.touched).insert(domain, now);
        }
    }

    /// When mail was last sent to the domain. One of which neither this process nor the store
    /// knows counts as used when it is first asked for.
    pub(crate) async fn last_used(&self, domain: &Domain, now: UnixTime) -> UnixTime {
        let here = self.store.used_here(domain).await.unwrap_or_default();
        if let Some(used) = self.memory.used.of(domain).peek(domain) {
            return here.max(*used);
        }
        if here > UnixTime::default() {
            return here;
        }
        let told = self.store.used(domain).await;
        let mut memory = self.memory.used.of(domain);
        if let Some(used) = memory.peek(domain) {
            return *used;
        }
        // A store that fails is asked again.
        let used = if let Ok(told) = told { told.unwrap_or(now) } else { return now };
        memory.insert(domain, used);
        used
    }

    pub(crate) fn forget_no_policy(&self, domain: &Domain) {
        locked(&self.memory.no_policy).remove(domain);
    }

    pub(crate) fn forget_every_no_policy(&self) {
        while locked(&self.memory.no_policy).remove_oldest().is_some() {}
    }
}

/// RFC 8461 §10.2: whoever can suppress the record hopes that the policy runs out.
fn warn_of_vanished_record(entry: Option<&Entry>, now: UnixTime) {
    let Some(entry) = entry else { return };
    if let Some(held) = entry.live(now)
        && held.policy.mode() != Mode::None
    {
        let ends_in = entry.expires_at().map_or(0, |end| end.since(now));
        tracing::warn!(
            domain = %entry.domain(), ends_in,
            "the _mta-sts TXT record is gone while the policy is in force: possible downgrade attack"
        );
    }
}

/// The caller's time is over, or there is no room: what is cached applies, and else nothing is known.
fn gave_up(so_far: Answer, failure: Failure, now: UnixTime) -> Answer {
    let decision = so_far.entry.as_ref().is_some_and(|entry| entry.live(now).is_some()).then_some(so_far.decision);
    let answer = Answer::without_lookup(&so_far.domain, decision, so_far.entry, Some(failure), now);
    Answer { store_error: so_far.store_error, ..answer }
}
