//! What the MX check found.

use mta_sts::{Domain, Mode, UnixTime};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// So many domains that do not match are kept by name, and so many hosts of each.
const MAX_MISMATCHES: usize = 1000;
const MAX_HOSTS: usize = 10;
/// A domain is warned of once in so many seconds.
const WARN_EVERY: u64 = 86_400;

/// What was found in a round, all that was found in the current one if it is the first.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MxFigures {
    /// Policies whose MX hosts were looked up.
    pub checked: u64,
    /// Of these, the ones that do not permit all hosts.
    pub mismatching: u64,
    /// Of these, the ones that permit none: under `enforce` no mail can be delivered.
    pub hopeless: u64,
    /// Policies whose MX hosts DNS did not tell.
    pub unknown: u64,
    /// When the last whole round ended, in seconds since 1970; `None` until one did.
    pub ended_at: Option<u64>,
    /// The first thousand that do not match.
    pub mismatches: Vec<Mismatch>,
}

/// A policy that does not permit all MX hosts of its domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Mismatch {
    /// The policy domain.
    pub domain: String,
    /// `enforce` or `testing`.
    pub mode: String,
    /// The MX hosts that the policy does not name, the first ten; escaped as in
    /// [`MxHost::name`](mta_sts::MxHost::name).
    pub hosts: Vec<String>,
    /// It names none of them.
    pub hopeless: bool,
}

#[derive(Debug, Default)]
pub(super) struct Figures {
    last: Option<MxFigures>,
    current: MxFigures,
    /// When a domain was last warned of.
    warned: HashMap<Domain, UnixTime>,
}

impl Figures {
    pub(super) fn snapshot(&self) -> MxFigures {
        self.last.as_ref().unwrap_or(&self.current).clone()
    }

    pub(super) fn begin(&mut self) {
        self.current = MxFigures::default();
    }

    pub(super) fn end(&mut self, now: UnixTime) {
        let ended_at = Some(now.0);
        self.last = Some(MxFigures { ended_at, ..core::mem::take(&mut self.current) });
        self.warned.retain(|_, at| *at <= now && now.since(*at) < WARN_EVERY);
    }

    pub(super) fn unknown(&mut self) {
        self.current.unknown += 1;
    }

    /// Notes the hosts that a policy does not permit; all of them do not match if `hopeless`.
    pub(super) fn checked(
        &mut self,
        domain: &Domain,
        mode: Mode,
        mut hosts: Vec<String>,
        hopeless: bool,
        now: UnixTime,
    ) {
        self.current.checked += 1;
        if hosts.is_empty() {
            self.warned.remove(domain);
            return;
        }
        self.current.mismatching += 1;
        self.current.hopeless += u64::from(hopeless);
        hosts.truncate(MAX_HOSTS);
        self.warn(domain, mode, &hosts, hopeless, now);
        if self.current.mismatches.len() < MAX_MISMATCHES {
            let (domain, mode) = (domain.to_string(), mode.to_string());
            self.current.mismatches.push(Mismatch { domain, mode, hosts, hopeless });
        }
    }

    fn warn(&mut self, domain: &Domain, mode: Mode, hosts: &[String], hopeless: bool, now: UnixTime) {
        let lately = self.warned.get(domain).is_some_and(|at| *at <= now && now.since(*at) < WARN_EVERY);
        if lately || self.warned.len() >= MAX_MISMATCHES {
            return;
        }
        self.warned.insert(domain.clone(), now);
        let hosts = hosts.join(" ");
        match (mode, hopeless) {
            (Mode::Enforce, true) => {
                tracing::warn!(%domain, %hosts, "the policy permits no MX host of the domain: mail for it waits");
            }
            (Mode::Enforce, false) => {
                tracing::warn!(%domain, %hosts, "the policy does not permit all MX hosts of the domain");
            }
            _ => tracing::warn!(%domain, %hosts, "MX hosts of the domain are not in its policy, which is in testing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn mismatch(figures: &mut Figures, name: &str, now: UnixTime) {
        figures.checked(&Domain::from_ascii(name).unwrap(), Mode::Enforce, vec!["mx.other.test".to_owned()], true, now);
    }

    #[test]
    fn a_whole_round_is_shown_until_the_next_has_ended() {
        let mut figures = Figures::default();
        figures.begin();
        mismatch(&mut figures, "a.test", NOW);
        figures.unknown();
        assert_eq!((figures.snapshot().checked, figures.snapshot().ended_at), (1, None));
        figures.end(NOW);
        figures.begin();
        let shown = figures.snapshot();
        assert_eq!((shown.checked, shown.mismatching, shown.hopeless, shown.unknown), (1, 1, 1, 1));
        assert_eq!(shown.ended_at, Some(NOW.0));
        figures.end(NOW.plus(5));
        assert_eq!(figures.snapshot(), MxFigures { ended_at: Some(NOW.0 + 5), ..MxFigures::default() });
    }

    #[test]
    fn a_domain_is_warned_of_once_a_day_and_anew_after_it_was_well() {
        let mut figures = Figures::default();
        let domain = Domain::from_ascii("a.test").unwrap();
        mismatch(&mut figures, "a.test", NOW);
        mismatch(&mut figures, "a.test", NOW.plus(86_399));
        assert_eq!(figures.warned[&domain], NOW);
        mismatch(&mut figures, "a.test", NOW.plus(86_400));
        assert_eq!(figures.warned[&domain], NOW.plus(86_400));
        figures.checked(&domain, Mode::Enforce, Vec::new(), false, NOW.plus(86_401));
        assert!(figures.warned.is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let mut figures = Figures::default();
        for i in 0..3 * MAX_MISMATCHES {
            mismatch(&mut figures, &format!("d{i}.test"), NOW);
        }
        let shown = figures.snapshot();
        assert_eq!(shown.mismatching, 3 * MAX_MISMATCHES as u64);
        assert_eq!((shown.mismatches.len(), figures.warned.len()), (MAX_MISMATCHES, MAX_MISMATCHES));
    }
}
