//! One domain's life in steps: `fetch_rules.json`.

pub mod machine;
pub mod network;

use crate::vectors::{Cached, Scenario, Step};
use mta_sts_core::{Domain, Entry, Intent, Policy, RecordId, UnixTime};

/// The scenarios' time 0. They may reach back by years.
pub const BASE: u64 = 1_800_000_000;

/// The policy domain of a step: the next hop, if there is one (RFC 8461 §3.4). `None` if the name
/// is no domain: it has no policy, and nothing is asked.
fn policy_domain(scenario: &Scenario, step: &Step) -> Option<Domain> {
    let name = step.next_hop.as_ref().or(step.policy_domain.as_ref()).unwrap_or(&scenario.policy_domain);
    Domain::from_unicode(name).ok()
}

fn intent(event: &str) -> Intent {
    match event {
        "refresh" => Intent::Refresh,
        "deliver-last-attempt" => Intent::BeforeBounce,
        _ => Intent::Deliver,
    }
}

/// The entry that is cached at the start.
///
/// # Panics
/// If the vector's own policy is not valid.
fn cached_at_start(scenario: &Scenario) -> Option<Entry> {
    let domain = Domain::from_unicode(&scenario.policy_domain).ok()?;
    match scenario.cache.as_ref()? {
        Cached::Policy { policy, id, fetched_at, checked_at } => {
            let text = &scenario.policies[policy].text;
            let policy = Policy::parse(text.as_bytes()).expect("the vector's cached policy is valid");
            let id = RecordId::new(id).expect("the vector's cached id is valid");
            let time = |t: i64| UnixTime(BASE.saturating_add_signed(t));
            Some(Entry::import(&domain, id, policy, time(*fetched_at), time(*checked_at)))
        }
        // What does not decode is no entry.
        Cached::Text { entry_text } => Entry::decode(entry_text.as_bytes(), &domain).ok(),
    }
}

/// The name that the scenario has for a policy: that of the same text, else of the same meaning.
fn policy_name(scenario: &Scenario, policy: &Policy) -> Option<String> {
    let by_text = scenario.policies.iter().find(|(_, named)| named.text.as_bytes() == policy.text());
    let means_the_same = |text: &str| {
        Policy::parse(text.as_bytes()).is_ok_and(|named| {
            (named.mode(), named.max_age()) == (policy.mode(), policy.max_age()) && named.mx().eq(policy.mx())
        })
    };
    let by_meaning = || scenario.policies.iter().find(|(_, named)| means_the_same(&named.text));
    by_text.or_else(by_meaning).map(|(name, _)| name.clone())
}
