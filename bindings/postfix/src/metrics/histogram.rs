//! A histogram that is counted into without a lock.

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric},
};
use std::sync::Arc;

const BUCKETS: usize = 12;
/// The longest times that the buckets count, in nanoseconds: from 10 µs to 42 s, each four times
/// the one before. One more bucket counts what took longer.
const BOUNDS: [u64; BUCKETS] = {
    let mut bounds = [10_000; BUCKETS];
    let mut i = 1;
    while i < BUCKETS {
        bounds[i] = 4 * bounds[i - 1];
        i += 1;
    }
    bounds
};

/// Times, counted by their length. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    buckets: [AtomicU64; BUCKETS + 1],
    /// The sum of all times.
    nanoseconds: AtomicU64,
}

impl Histogram {
    pub(crate) fn observe(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.buckets[BOUNDS.partition_point(|bound| *bound < time)].fetch_add(1, Relaxed);
        self.0.nanoseconds.fetch_add(time, Relaxed);
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "the sum need not be exact, and the bounds are small")]
        let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
        let bounds = BOUNDS.into_iter().map(seconds).chain([f64::INFINITY]);
        let buckets = bounds.zip(self.0.buckets.each_ref().map(|count| count.load(Relaxed))).collect::<Vec<_>>();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(seconds(self.0.nanoseconds.load(Relaxed)), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::{encoding::text::encode, registry::Registry};

    #[test]
    fn a_time_counts_in_the_first_bucket_that_it_does_not_exceed() {
        let histogram = Histogram::default();
        for nanoseconds in [0, 10_000, 10_001, 50_000_000_000] {
            histogram.observe(Duration::from_nanos(nanoseconds));
        }
        let (mut registry, mut text) = (Registry::default(), String::new());
        registry.register("t", "Times", histogram);
        encode(&mut text, &registry).unwrap();
        for line in [
            "# TYPE t histogram",
            "t_sum 50.000020001",
            "t_count 4",
            "t_bucket{le=\"0.00001\"} 2",
            "t_bucket{le=\"0.00004\"} 3",
            "t_bucket{le=\"41.94304\"} 3",
            "t_bucket{le=\"+Inf\"} 4",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in:\n{text}");
        }
    }
}
