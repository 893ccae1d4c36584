//! What was counted and measured.

use super::clients::Answer;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

const VIOLATIONS_KEPT: usize = 10;

/// How long replies may take. What this machine was late by meanwhile comes on top.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For domains whose policy is known: 99 of 100 replies, and each.
    pub(super) known_p99: Duration,
    pub(super) known_max: Duration,
    /// For others: the time for an answer, and what a busy machine needs.
    pub(super) unknown_max: Duration,
    /// Where the store alone is waited for: half of the replies.
    pub(super) stalled_p50: Duration,
}

/// A store that hangs costs 50 ms, once a reply; the rest is for the machine.
pub(super) const LIMITS: Limits = Limits {
    known_p99: Duration::from_millis(150),
    known_max: Duration::from_millis(1500),
    unknown_max: Duration::from_millis(3500),
    stalled_p50: Duration::from_millis(75),
};

#[derive(Default)]
pub(super) struct Figures(Mutex<Counted>);

#[derive(Clone, Default)]
struct Counted {
    ok: u64,
    not_found: u64,
    temp: u64,
    other: u64,
    closed: u64,
    wrong: u64,
    lost: u64,
    known: Vec<Duration>,
    unknown: Vec<Duration>,
    stalled: Vec<Duration>,
    notes: Vec<String>,
    violations: Vec<String>,
    violated: u64,
}

impl Figures {
    pub(super) fn reply(&self, answer: &Answer, is_known: bool, took: Duration) {
        let mut counted = self.counted();
        match answer {
            Answer::Ok(_) => counted.ok += 1,
            Answer::NotFound => counted.not_found += 1,
            Answer::Temp(_) => counted.temp += 1,
            Answer::Other(_) => counted.other += 1,
        }
        if is_known { counted.known.push(took) } else { counted.unknown.push(took) }
    }

    /// A reply that only the store held up.
    pub(super) fn stalled(&self, took: Duration) {
        self.counted().stalled.push(took);
    }

    pub(super) fn closed(&self) {
        self.counted().closed += 1;
    }

    pub(super) fn wrong(&self, what: String) {
        self.counted().wrong += 1;
        self.violation(format!("WRONG: {what}"));
    }

    pub(super) fn lost(&self, what: String) {
        self.counted().lost += 1;
        self.violation(format!("LOST: {what}"));
    }

    pub(super) fn violation(&self, what: String) {
        let mut counted = self.counted();
        counted.violated += 1;
        if counted.violations.len() < VIOLATIONS_KEPT {
            counted.violations.push(what);
        }
    }

    pub(super) fn note(&self, note: String) {
        self.counted().notes.push(note);
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How late this process is woken: what a busy machine adds to every latency.
pub(super) struct Lag {
    ends: Arc<AtomicBool>,
    late: Arc<Mutex<Vec<Duration>>>,
}

impl Lag {
    const PAUSE: Duration = Duration::from_millis(5);

    pub(super) fn measure() -> Self {
        let lag = Self { ends: Arc::default(), late: Arc::default() };
        let (ends, late) = (lag.ends.clone(), lag.late.clone());
        tokio::spawn(async move {
            while !ends.load(Ordering::Relaxed) {
                let began = Instant::now();
                sleep(Self::PAUSE).await;
                let by = began.elapsed().saturating_sub(Self::PAUSE);
                late.lock().unwrap_or_else(PoisonError::into_inner).push(by);
            }
        });
        lag
    }

    pub(super) fn end(self) -> Spread {
        self.ends.store(true, Ordering::Relaxed);
        Spread::of(core::mem::take(&mut *self.late.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    p50: Duration,
    p99: Duration,
    max: Duration,
}

impl Spread {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |share: f64| all.get(((all.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default();
        Self { p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }

    fn show(self) -> String {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        format!("{:.1}/{:.1}/{:.0}", ms(self.p50), ms(self.p99), ms(self.max))
    }
}

/// The figures of a scenario that has ended.
pub(super) struct Summary {
    pub(super) name: &'static str,
    pub(super) notes: Vec<String>,
    pub(super) violations: Vec<String>,
    counted: Counted,
    known: Spread,
    unknown: Spread,
    lag: Spread,
    took: Duration,
}

impl Summary {
    pub(super) const HEAD: &str = "scenario        queries      ok  not found   temp closed  known p50/p99/max ms   unknown p50/p99/max ms  wrong  lost      s";

    pub(super) fn of(name: &'static str, figures: &Figures, lag: Spread, took: Duration) -> Self {
        let (known, unknown, stalled) = {
            let mut counted = figures.counted();
            let Counted { known, unknown, stalled, .. } = &mut *counted;
            let [known, unknown, stalled] = [known, unknown, stalled].map(|all| Spread::of(core::mem::take(all)));
            (known, unknown, stalled)
        };
        if stalled.max > Duration::ZERO {
            figures.note(format!("p50/p99/max {} ms where the store alone is waited for", stalled.show()));
        }
        for (what, was, limit) in [
            ("99 of 100 replies for known domains", known.p99, LIMITS.known_p99 + lag.p99),
            ("a reply for a known domain", known.max, LIMITS.known_max + lag.max),
            ("a reply for an unknown domain", unknown.max, LIMITS.unknown_max + lag.max),
            ("half of the replies that wait for the store", stalled.p50, LIMITS.stalled_p50 + lag.p99),
        ] {
            if was > limit {
                figures.violation(format!("SLOW: {what} took {was:.0?}, more than {limit:.0?}"));
            }
        }
        let counted = figures.counted().clone();
        let (notes, violations) = (counted.notes.clone(), counted.violations.clone());
        Self { name, notes, violations, counted, known, unknown, lag, took }
    }

    pub(super) fn is_good(&self) -> bool {
        self.counted.violated == 0
    }

    fn queries(&self) -> u64 {
        let Counted { ok, not_found, temp, other, closed, .. } = self.counted;
        ok + not_found + temp + other + closed
    }

    pub(super) fn line(&self) -> String {
        let Counted { ok, not_found, temp, closed, wrong, lost, violated, .. } = self.counted;
        format!(
            "{}: {} queries: {ok} OK, {not_found} NOTFOUND, {temp} TEMP, {closed} closed; p50/p99/max {} ms for known \
             domains, {} ms for others (this machine was late by {}); wrong = {wrong}, lost = {lost}: {}",
            self.name,
            self.queries(),
            self.known.show(),
            self.unknown.show(),
            self.lag.show(),
            if violated == 0 { "passed".to_owned() } else { format!("FAILED ({violated} violations)") }
        )
    }

    pub(super) fn row(&self) -> String {
        let Counted { ok, not_found, temp, closed, wrong, lost, .. } = self.counted;
        format!(
            "{:<14} {:>8} {ok:>7} {not_found:>10} {temp:>6} {closed:>6} {:>21} {:>24} {wrong:>6} {lost:>5} {:>6.1}{}",
            self.name,
            self.queries(),
            self.known.show(),
            self.unknown.show(),
            self.took.as_secs_f64(),
            if self.is_good() { "" } else { "  FAILED" }
        )
    }
}
