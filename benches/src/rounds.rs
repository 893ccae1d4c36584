//! Timing in rounds: each round measures everything once, so that what else the machine does
//! falls on all alike, and only ratios within a round are judged.

use crate::operation::Operation;
use std::time::{Duration, Instant};

/// Runs for about `time` and gives the nanoseconds of one run.
pub fn nanoseconds(operation: &mut Operation, time: Duration) -> f64 {
    let start = Instant::now();
    let (mut done, mut batch) = (0, 1);
    loop {
        operation.run(batch);
        done += batch;
        let taken = start.elapsed();
        if taken >= time {
            return taken.as_nanos() as f64 / done as f64;
        }
        // Reading the clock must cost nothing beside the batch.
        if taken < time / 16 {
            batch *= 2;
        }
    }
}

/// The middle of the values; NaN if there are none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (len, middle) if len % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        (_, middle) => sorted[middle],
    }
}

/// The median of `values[i] / base[i]`.
#[must_use]
pub fn median_ratio(values: &[f64], base: &[f64]) -> f64 {
    median(&values.iter().zip(base).map(|(value, base)| value / base).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]).to_bits(), 2f64.to_bits());
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]).to_bits(), 2.5f64.to_bits());
        assert!(median(&[]).is_nan());
    }
}
