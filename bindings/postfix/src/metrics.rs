//! Counters for Prometheus, in a registry of their own.

mod histogram;

use crate::{dane::Dane, mx_check::MxFigures, reply::Reply, ruling::Ruling, zone::Zones};
use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use histogram::Histogram;
use mta_sts::{Answer, Failure, Source, StoreStats, core::socketmap::PolicyDecision};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// What a [`Service`](crate::Service) counts.
///
/// | name | labels | what |
/// |---|---|---|
/// | `mta_sts_requests_total` | `zone`, `reply` (`ok`, `not-found`, `temp`) | requests; names without a zone of their own count as the default zone |
/// | `mta_sts_decisions_total` | `mode` (`no-policy`, `testing`, `enforce`, `dane`, `dane-only`, `unknown`), `result` (as `reply`) | requests for domains, by what was decided |
/// | `mta_sts_fetches_total` | `result` (`fetched`, or why it failed) | policies that were fetched, for requests and in the background |
/// | `mta_sts_cache_size` | | domains in the policy store; `NaN` if not known |
/// | `mta_sts_answer_seconds` | `path` (`cached`: by what was known; `looked-up`: all others) | time to an answer |
/// | `mta_sts_dane_total` | `status` | next hops whose DANE was asked for |
/// | `mta_sts_store_errors_total` | | lookups that could not read the policy store |
/// | `mta_sts_store_up` | | 1 if the store could be read when last tried, else 0; `NaN` if not tried |
/// | `mta_sts_store_write_errors_total` | | changes that the policy store failed to keep; they are tried again |
/// | `mta_sts_store_unsaved` | | domains that memory alone holds, and that are lost with the process |
/// | `mta_sts_mx_policies` | `state` (`matching`, `mismatching`, `hopeless`, `unknown`) | held policies whose MX hosts were last found to be so, see [`MxFigures`] |
/// | `mta_sts_alerts_total` | `kind` (`store-grace-over`) | alerts that were logged |
///
/// The second, third and fourth are what `hedwig_mta_sts_enforcement_total`,
/// `hedwig_mta_sts_policy_fetch_total` and `hedwig_mta_sts_cache_size` count in Hedwig.
pub struct Metrics {
    registry: Registry,
    requests: Labelled<2>,
    decisions: [[Counter; 3]; MODES],
    fetches: Labelled<1>,
    cache_size: Float,
    cached: Histogram,
    looked_up: Histogram,
    dane: [Counter; Dane::ALL.len()],
    store_errors: Counter,
    store_up: Float,
    store_write_errors: Counter,
    store_unsaved: Gauge,
    store_grace_over: Counter,
    mx_policies: [Gauge; 4],
}

type Labelled<const N: usize> = Family<[(&'static str, String); N], Counter>;
type Float = Gauge<f64, AtomicU64>;

/// The decisions, and "unknown".
const MODES: usize = PolicyDecision::ALL.len() + 1;
const MX_STATES: [&str; 4] = ["matching", "mismatching", "hopeless", "unknown"];
const REPLIES: [&str; 3] = ["ok", "not-found", "temp"];

impl Reply {
    /// Its place in [`REPLIES`].
    fn kind(&self) -> usize {
        match self {
            Self::Ok(_) | Self::Policy(_) => 0,
            Self::NotFound => 1,
            Self::Temp(_) => 2,
        }
    }

    /// Its name in metrics and in the log.
    pub(crate) fn name(&self) -> &'static str {
        REPLIES[self.kind()]
    }
}

/// The counters of one zone: nothing is looked up by name for a request.
#[derive(Clone, Debug)]
pub(crate) struct ZoneCounters([Counter; 3]);

impl ZoneCounters {
    pub(crate) fn count(&self, reply: &Reply) {
        self.0[reply.kind()].inc();
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("mta_sts");
        let requests = Labelled::default();
        registry.register("requests", "Requests by zone and reply", requests.clone());
        let decisions = Labelled::default();
        registry.register("decisions", "Requests for domains by what was decided", decisions.clone());
        let fetches = Labelled::default();
        registry.register("fetches", "Policies that were fetched, or failed to be", fetches.clone());
        let cache_size = Float::default();
        cache_size.set(f64::NAN);
        registry.register("cache_size", "Domains in the policy store", cache_size.clone());
        let answers = Family::<[(&'static str, &'static str); 1], Histogram>::default();
        registry.register("answer_seconds", "Time to an answer", answers.clone());
        let dane = Labelled::default();
        registry.register("dane", "Next hops whose DANE was asked for", dane.clone());
        let store_errors = Counter::default();
        registry.register("store_errors", "Lookups that could not read the policy store", store_errors.clone());
        let store_up = Float::default();
        store_up.set(f64::NAN);
        registry.register("store_up", "Whether the policy store could be read when last tried", store_up.clone());
        let store_write_errors = Counter::default();
        let failed = "Changes that the policy store failed to keep";
        registry.register("store_write_errors", failed, store_write_errors.clone());
        let store_unsaved = Gauge::default();
        registry.register("store_unsaved", "Domains that memory alone holds", store_unsaved.clone());
        let mx = Family::<[(&'static str, &'static str); 1], Gauge>::default();
        registry.register("mx_policies", "Held policies by how they suit the MX hosts of their domain", mx.clone());
        let alerts = Labelled::default();
        registry.register("alerts", "Alerts that were logged", alerts.clone());
        let modes = PolicyDecision::ALL.map(Some).into_iter().chain([None]).map(mode).collect::<Vec<_>>();
        Self {
            requests,
            decisions: core::array::from_fn(|i| {
                REPLIES.map(|reply| of(&decisions, [("mode", modes[i]), ("result", reply)]))
            }),
            fetches,
            cache_size,
            cached: answers.get_or_create_owned(&[("path", "cached")]),
            looked_up: answers.get_or_create_owned(&[("path", "looked-up")]),
            dane: Dane::ALL.map(|status| of(&dane, [("status", status.as_str())])),
            store_errors,
            store_up,
            store_write_errors,
            store_unsaved,
            mx_policies: MX_STATES.map(|state| mx.get_or_create_owned(&[("state", state)])),
            store_grace_over: of(&alerts, [("kind", "store-grace-over")]),
            registry,
        }
    }

    /// All metrics in the text format of OpenMetrics, whose media type is
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Takes note of how many domains the policy store holds; `None` if that is not known.
    pub fn set_cache_size(&self, domains: Option<usize>) {
        #[expect(clippy::cast_precision_loss, reason = "counts that large do not occur")]
        self.cache_size.set(domains.map_or(f64::NAN, |domains| domains as f64));
    }

    /// Takes note of what became of changes of the policy store.
    pub fn set_store(&self, stats: &StoreStats) {
        self.store_write_errors.inner().store(stats.write_errors, Ordering::Relaxed);
        self.store_unsaved.set(i64::try_from(stats.unsaved).unwrap_or(i64::MAX));
    }

    /// Takes note of what the MX check found.
    pub fn set_mx(&self, figures: &MxFigures) {
        let matching = figures.checked.saturating_sub(figures.mismatching);
        let mismatching = figures.mismatching.saturating_sub(figures.hopeless);
        for (gauge, count) in self.mx_policies.iter().zip([matching, mismatching, figures.hopeless, figures.unknown]) {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// The counters of the zones, by their places.
    pub(crate) fn of_zones(&self, zones: &Zones) -> Vec<ZoneCounters> {
        let of_zone = |name: &str| REPLIES.map(|reply| of(&self.requests, [("zone", name), ("reply", reply)]));
        zones.all().map(|zone| ZoneCounters(of_zone(&zone.name))).collect()
    }

    pub(crate) fn ruled(&self, ruling: &Ruling, time: Duration) {
        let all = PolicyDecision::ALL;
        let known = ruling.decision.and_then(|decision| all.iter().position(|&other| other == decision));
        self.decisions[known.unwrap_or(all.len())][ruling.reply.kind()].inc();
        if ruling.was_known { &self.cached } else { &self.looked_up }.observe(time);
    }

    pub(crate) fn looked_up(&self, answer: &Answer) {
        if answer.asked_https {
            let result = match (&answer.source, &answer.failure) {
                (Source::Fetched, _) => "fetched",
                (_, Some(Failure::Fetch(why))) => why.as_str(),
                _ => "failed",
            };
            of(&self.fetches, [("result", result)]).inc();
        }
    }

    pub(crate) fn dane(&self, status: Dane) {
        self.dane[status as usize].inc();
    }

    pub(crate) fn store_read(&self, is_up: bool) {
        self.store_up.set(f64::from(u8::from(is_up)));
        if !is_up {
            self.store_errors.inc();
        }
    }

    pub(crate) fn store_grace_over(&self) {
        self.store_grace_over.inc();
    }
}

fn mode(decision: Option<PolicyDecision>) -> &'static str {
    decision.map_or("unknown", PolicyDecision::as_str)
}

/// The counter with these labels.
fn of<const N: usize>(family: &Labelled<N>, labels: [(&'static str, &str); N]) -> Counter {
    family.get_or_create_owned(&labels.map(|(name, value)| (name, value.to_owned())))
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::Zone;

    #[test]
    fn every_counter_has_its_labels_from_the_start() {
        let metrics = Metrics::new();
        let zones = Zones::new(Zone::new("default"), [Zone::new("a\"b")]);
        let of_zones = metrics.of_zones(&zones);
        of_zones[zones.get(b"postfix").place].count(&Reply::NotFound);
        of_zones[zones.get(b"a\"b").place].count(&Reply::Temp("x"));
        for status in Dane::ALL {
            metrics.dane(status);
        }
        metrics.store_read(false);
        let text = metrics.render();
        for line in [
            "mta_sts_requests_total{zone=\"default\",reply=\"not-found\"} 1",
            "mta_sts_requests_total{zone=\"a\\\"b\",reply=\"temp\"} 1",
            "mta_sts_requests_total{zone=\"policy\",reply=\"ok\"} 0",
            "mta_sts_decisions_total{mode=\"dane-only\",result=\"ok\"} 0",
            "mta_sts_decisions_total{mode=\"unknown\",result=\"temp\"} 0",
            "mta_sts_dane_total{status=\"broken\"} 1",
            "mta_sts_cache_size NaN",
            "mta_sts_store_up 0.0",
            "mta_sts_store_errors_total 1",
            "mta_sts_store_write_errors_total 0",
            "mta_sts_store_unsaved 0",
            "mta_sts_alerts_total{kind=\"store-grace-over\"} 0",
            "mta_sts_answer_seconds_count{path=\"cached\"} 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in:\n{text}");
        }
        metrics.set_cache_size(Some(3));
        metrics.store_read(true);
        assert!(metrics.render().contains("mta_sts_cache_size 3.0\n"));
        assert!(metrics.render().contains("mta_sts_store_up 1.0\n"));
    }
}
