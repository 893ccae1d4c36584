//! Whether fetches fail whatever the domain: then it is not the domains.

use mta_sts::{Domain, UnixTime};

/// So many different domains make it unlikely that each of them is broken.
const DOMAINS: usize = 5;
/// Failures count for so many seconds.
const WITHIN: u64 = 3600;

/// The latest failures of different domains since a fetch last succeeded, oldest first.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    failed: Vec<(Domain, UnixTime)>,
}

impl Fetches {
    pub(super) fn note(&mut self, domain: &Domain, ok: bool, now: UnixTime) {
        if ok {
            self.failed.clear();
            return;
        }
        self.failed.retain(|(failed, _)| failed != domain);
        if self.failed.len() >= DOMAINS {
            self.failed.remove(0);
        }
        self.failed.push((domain.clone(), now));
    }

    /// How many domains failed one after the other, if they are so many that something is wrong here.
    pub(super) fn all_fail(&self, now: UnixTime) -> Option<usize> {
        // A failure from the future is from before the clock was set back.
        let recent = self.failed.iter().filter(|(_, at)| *at <= now && now.since(*at) < WITHIN).count();
        (recent >= DOMAINS).then_some(recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn domain(i: usize) -> Domain {
        Domain::from_ascii(format!("d{i}.test")).unwrap()
    }

    fn failing(domains: impl IntoIterator<Item = usize>) -> Fetches {
        let mut fetches = Fetches::default();
        domains.into_iter().for_each(|i| fetches.note(&domain(i), false, NOW));
        fetches
    }

    #[test]
    fn five_different_domains_in_a_row_are_too_many() {
        assert_eq!(failing(0..4).all_fail(NOW), None);
        assert_eq!(failing(0..5).all_fail(NOW), Some(5));
        assert_eq!(failing(0..50).all_fail(NOW), Some(5));
    }

    #[test]
    fn one_broken_domain_is_one_however_often_it_fails() {
        assert_eq!(failing([1; 20]).all_fail(NOW), None);
        assert_eq!(failing([1, 2, 3, 4, 1, 2, 3, 4]).all_fail(NOW), None);
    }

    #[test]
    fn one_success_shows_that_it_works() {
        let mut fetches = failing(0..9);
        fetches.note(&domain(3), true, NOW);
        assert_eq!(fetches.all_fail(NOW), None);
        (0..4).for_each(|i| fetches.note(&domain(i), false, NOW));
        assert_eq!(fetches.all_fail(NOW), None);
    }

    #[test]
    fn failures_are_forgotten_after_an_hour_and_when_the_clock_is_set_back() {
        let mut fetches = failing(0..5);
        assert_eq!(fetches.all_fail(NOW.plus(3599)), Some(5));
        assert_eq!(fetches.all_fail(NOW.plus(3600)), None);
        assert_eq!(fetches.all_fail(UnixTime(NOW.0 - 1)), None);
        // The oldest of them makes room.
        fetches.note(&domain(9), false, NOW.plus(3600));
        assert_eq!(fetches.all_fail(NOW.plus(3600)), None);
    }
}
