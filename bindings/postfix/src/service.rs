//! The service: from a request to a reply, by way of the resolver.

use crate::{
    dane::{Found, dane_within, known_dane_of},
    grace::Grace,
    health::Health,
    key::{NoDomain, policy_domain},
    metrics::{Metrics, ZoneCounters},
    overrides::{Overrides, Rule},
    policy_map,
    recent::{Recent, Told},
    reply::Reply,
    ruling::{Case, Ruling, Standing, Store, is_settled, ruling_from},
    server::Answerer,
    zone::{Asked, DaneMode, Zones},
};
use arc_swap::ArcSwap;
use core::{pin::pin, time::Duration};
use mta_sts::{Answer, Clock, Domain, Intent, Resolver, StoreError, SystemClock};
use std::sync::Arc;
use tokio::time::Instant;

/// Answers from a [`Resolver`]. Clones share everything.
///
/// The time for an answer is [`Timeouts::caller`](mta_sts::Timeouts::caller) of the resolver, and in
/// zones of Postfix that want DANE also that of the [DANE lookups](mta_sts::Resolver::dane).
#[derive(Clone, Debug)]
pub struct Service(Arc<Inner>);

/// What a [`Service`] answers by.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// The zones.
    pub zones: Zones,
    /// What applies to some domains in place of what they publish.
    pub overrides: Overrides,
    /// For so long mail to domains of which nothing can be learnt waits for a policy store that
    /// cannot be read; then it goes out, with an alert. Default 1 h.
    pub store_grace: Duration,
}

#[derive(Debug)]
struct Inner {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    grace: Arc<Grace>,
    state: ArcSwap<State>,
}

/// What is in force, and the counters that go with it.
#[derive(Debug)]
struct State {
    resolver: Resolver,
    options: ServiceOptions,
    counters: Vec<ZoneCounters>,
    recent: Recent,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self { zones: Zones::default(), overrides: Overrides::default(), store_grace: Duration::from_secs(3600) }
    }
}

impl From<Zones> for ServiceOptions {
    fn from(zones: Zones) -> Self {
        Self { zones, ..Self::default() }
    }
}

impl Service {
    /// A service with these options.
    #[must_use]
    pub fn new(resolver: Resolver, options: impl Into<ServiceOptions>) -> Self {
        let (metrics, health) = (Arc::new(Metrics::new()), Arc::new(Health::new(None)));
        let grace = Arc::new(Grace::default());
        watch(&resolver, &metrics, &health, &grace);
        let state = ArcSwap::new(State::new(resolver, options.into(), &metrics));
        Self(Arc::new(Inner { metrics, health, grace, state }))
    }

    /// Answers by other options from now on. Answers under way keep theirs.
    pub fn set(&self, options: impl Into<ServiceOptions>) {
        self.replace(self.resolver(), options);
    }

    /// Answers from another resolver and by other options from now on. Answers under way keep theirs;
    /// what was counted goes on.
    pub fn replace(&self, resolver: Resolver, options: impl Into<ServiceOptions>) {
        watch(&resolver, &self.0.metrics, &self.0.health, &self.0.grace);
        self.0.state.store(State::new(resolver, options.into(), &self.0.metrics));
    }

    /// What it answers from.
    #[must_use]
    pub fn resolver(&self) -> Resolver {
        self.0.state.load().resolver.clone()
    }

    /// What was counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Whether all is well: the lookups of the resolver are watched.
    #[must_use]
    pub fn health(&self) -> &Arc<Health> {
        &self.0.health
    }
}

impl State {
    fn new(resolver: Resolver, options: ServiceOptions, metrics: &Metrics) -> Arc<Self> {
        Arc::new(Self { counters: metrics.of_zones(&options.zones), resolver, options, recent: Recent::new() })
    }
}

impl Answerer for Service {
    fn ready(&self, map: &[u8], key: &[u8]) -> Option<Reply> {
        let began = Instant::now();
        let state = self.0.state.load();
        let asked = state.options.zones.get(map);
        let moment = state.resolver.moment();
        let reply = match state.recent.get(asked, key, moment, began) {
            Some(told) => self.0.tell_again(&state, asked, &told, began),
            None => {
                let (domain, intent) = question(asked, key);
                match domain {
                    Ok(domain) if intent == Intent::Deliver => {
                        let told = self.0.at_once(&state, asked, domain, began)?;
                        state.recent.keep(key, moment, began, told)
                    }
                    Ok(_) => return None,
                    Err(why) => nothing_to_look_up(asked, &why),
                }
            }
        };
        state.counters[asked.place].count(&reply);
        Some(reply)
    }

    fn answer(&self, map: &[u8], key: &[u8]) -> impl Future<Output = Reply> + Send + use<> {
        let began = Instant::now();
        let inner = self.0.clone();
        let state = inner.state.load_full();
        let asked = state.options.zones.get(map).clone();
        let key = key.to_vec();
        async move {
            // Here, where the lookup runs: what it remembers of the domain must not lie scattered among
            // what the threads of connections allocate and free all the time.
            let (domain, intent) = question(&asked, &key);
            let reply = match domain {
                Ok(domain) => inner.look_up(&state, &asked, &domain, intent, began).await,
                Err(why) => nothing_to_look_up(&asked, &why),
            };
            state.counters[asked.place].count(&reply);
            reply
        }
    }
}

/// What the key is about, and what for.
fn question(asked: &Asked, key: &[u8]) -> (Result<Domain, NoDomain>, Intent) {
    let (key, intent) = if asked.for_clients { policy_map::split(key) } else { (key, Intent::Deliver) };
    (policy_domain(key, asked.zone.smart_hosts), intent)
}

fn nothing_to_look_up(asked: &Asked, why: &NoDomain) -> Reply {
    tracing::trace!(zone = asked.zone.name, %why, "nothing to look up");
    Reply::NotFound
}

impl Inner {
    /// The answer, if memory alone can say it.
    fn at_once(&self, state: &State, asked: &Asked, domain: Domain, began: Instant) -> Option<Told> {
        let dane = match asked.zone.dane {
            DaneMode::Off => None,
            DaneMode::Reply | DaneMode::Yield => Some(known_dane_of(&state.resolver, &domain)?),
        };
        let (policy, now) = match overridden(state, &domain) {
            Some(standing) => (standing, state.resolver.now()),
            None => {
                let warm = state.resolver.warm(&domain)?;
                let now = warm.at;
                (Standing::Warm(warm), now)
            }
        };
        let case =
            Case { asked, domain: &domain, policy: Some(&policy), dane: dane.as_ref(), before_bounce: false, now };
        let ruling = ruling_from(&case);
        let dane = dane.map(|found| found.status);
        let is_warm = matches!(policy, Standing::Warm(_));
        let told = Told { asked: (asked.place, asked.tlsrpt), domain, dane, is_warm, ruling };
        self.take_note(asked, &told, began);
        Some(told)
    }

    /// The answer that was given in this second already.
    fn tell_again(&self, state: &State, asked: &Asked, told: &Told, began: Instant) -> Reply {
        if told.is_warm {
            state.resolver.warm_again();
        }
        self.take_note(asked, told, began);
        told.ruling.reply.clone()
    }

    async fn look_up(&self, state: &State, asked: &Asked, domain: &Domain, intent: Intent, began: Instant) -> Reply {
        let policy = async {
            match overridden(state, domain) {
                Some(standing) => standing,
                None => self.learn(state, domain, intent).await,
            }
        };
        let dane = async {
            let found = dane_within(&state.resolver, domain, asked.for_clients).await;
            self.metrics.dane(found.status);
            found
        };
        let (policy, dane) = settle(asked, policy, dane).await;
        let before_bounce = intent == Intent::BeforeBounce;
        let now = state.resolver.now();
        let case = Case { asked, domain, policy: policy.as_ref(), dane: dane.as_ref(), before_bounce, now };
        let ruling = ruling_from(&case);
        self.ruled(asked, domain, &ruling, began);
        ruling.reply
    }

    /// Counts and logs an answer from memory.
    fn take_note(&self, asked: &Asked, told: &Told, began: Instant) {
        if let Some(status) = told.dane {
            self.metrics.dane(status);
        }
        self.ruled(asked, &told.domain, &told.ruling, began);
    }

    fn ruled(&self, asked: &Asked, domain: &Domain, ruling: &Ruling, began: Instant) {
        let time = began.elapsed();
        self.metrics.ruled(ruling, time);
        log(asked, domain, ruling, time);
    }

    async fn learn(&self, state: &State, domain: &Domain, intent: Intent) -> Standing {
        let answer = state.resolver.resolve_with(domain, intent).await;
        let store = self.store(&answer, state.options.store_grace);
        Standing::Learnt(Box::new(answer), store)
    }

    fn store(&self, answer: &Answer, grace: Duration) -> Store {
        if !answer.is_uncertain() {
            return Store::Read;
        }
        let is_over = match answer.store_error {
            Some(StoreError::Corrupt) => self.grace.is_over_for(&answer.domain, grace),
            _ => self.grace.is_over(grace),
        };
        if !is_over {
            return Store::Unreadable;
        }
        if self.grace.alerts() {
            self.metrics.store_grace_over();
            tracing::error!(
                grace = grace.as_secs(),
                "the policy store could not be read for longer than its grace: domains of which nothing can be \
                 learnt are answered as if they had no MTA-STS policy; repair the store"
            );
        }
        Store::GraceOver
    }
}

/// Where the domain stands if the administrator says so.
fn overridden(state: &State, domain: &Domain) -> Option<Standing> {
    match state.options.overrides.get(domain)? {
        Rule::Exempt => Some(Standing::Exempt),
        Rule::Policy(policy) => Some(Standing::Static(policy.clone())),
        Rule::RefreshEvery(_) => None,
    }
}

/// Looks up what a reply needs, all at once; what does not change it is not waited for.
async fn settle(
    asked: &Asked,
    policy: impl Future<Output = Standing>,
    dane: impl Future<Output = Found>,
) -> (Option<Standing>, Option<Found>) {
    let (mut policy_lookup, mut dane_lookup) = (pin!(policy), pin!(dane));
    let (mut policy, mut dane) = (None, None);
    let wants_dane = asked.zone.dane != DaneMode::Off;
    while !is_settled(asked, policy.as_ref(), dane.as_ref().map(|found: &Found| found.status)) {
        tokio::select! {
            // An override is there at once.
            biased;
            found = &mut policy_lookup, if policy.is_none() => policy = Some(found),
            found = &mut dane_lookup, if wants_dane && dane.is_none() => dane = Some(found),
            else => break,
        }
    }
    (policy, dane)
}

/// Hears of the resolver's lookups, for callers and behind them. Each of them reads the store, while
/// an answer from the cache proves nothing of it.
fn watch(resolver: &Resolver, metrics: &Arc<Metrics>, health: &Arc<Health>, grace: &Arc<Grace>) {
    let (metrics, health, grace) = (metrics.clone(), health.clone(), grace.clone());
    resolver.on_lookup(move |answer| {
        metrics.looked_up(answer);
        health.answer(answer, SystemClock.now());
        match answer.store_error {
            None => {
                metrics.store_read(true);
                grace.readable();
                grace.mended(&answer.domain);
            }
            // It can be read otherwise.
            Some(StoreError::Corrupt) => {}
            Some(_) => metrics.store_read(false),
        }
    });
}

/// One line a decision. Names of zones are the administrator's and domains have only letters,
/// digits, hyphens and dots.
fn log(asked: &Asked, domain: &Domain, ruling: &Ruling, time: Duration) {
    tracing::info!(
        target: "mta_sts::decision",
        zone = asked.zone.name,
        domain = %domain,
        reply = ruling.reply.name(),
        decision = ruling.decision.map_or("unknown", |decision| decision.as_str()),
        reason = ruling.reason,
        source = ruling.source,
        remaining = ruling.remaining,
        ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        "decision"
    );
}

#[cfg(test)]
mod tests;
