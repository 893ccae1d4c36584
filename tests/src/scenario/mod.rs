//! One domain's life in steps: `fetch_rules.json`.

pub mod machine;
pub mod network;
mod rust_machine;

pub use rust_machine::RustMachine;

use crate::vectors::{Scenario, Step};
use mta_sts_core::{Intent, Policy};
use serde_json::{Value, json};

/// The scenarios' time 0. They may reach back by years.
pub const BASE: u64 = 1_800_000_000;

/// The name that a step looks up: the next hop, if there is one (RFC 8461 §3.4).
fn name_to_look_up<'s>(scenario: &'s Scenario, step: &'s Step) -> &'s str {
    step.next_hop.as_ref().or(step.policy_domain.as_ref()).unwrap_or(&scenario.policy_domain)
}

/// The outcome for a name that is no domain: it has no policy, and nothing is asked.
fn outcome_of_no_domain() -> Value {
    json!({ "decision": "no-policy", "cached_after": null, "http_requested": false, "http_requests": 0,
        "tlsrpt_result_types": [], "alert_admin": false, "asked": [] })
}

fn intent(event: &str) -> Intent {
    match event {
        "refresh" => Intent::Refresh,
        "deliver-last-attempt" => Intent::BeforeBounce,
        _ => Intent::Deliver,
    }
}

/// The decision by the body of the policy that applies, in the vectors' words.
fn decision(scenario: &Scenario, applied: Option<&[u8]>) -> String {
    match applied {
        None => "no-policy".to_owned(),
        Some(body) => format!("apply:{}", policy_name(scenario, body).unwrap_or_else(|| "?".to_owned())),
    }
}

/// The name that the scenario has for a policy body: that of the same text, else of the same meaning.
fn policy_name(scenario: &Scenario, body: &[u8]) -> Option<String> {
    let by_text = scenario.policies.iter().find(|(_, named)| named.text.as_bytes() == body);
    let by_meaning = || {
        let policy = Policy::parse(body).ok()?;
        let means_the_same = |text: &str| {
            Policy::parse(text.as_bytes()).is_ok_and(|named| {
                (named.mode(), named.max_age()) == (policy.mode(), policy.max_age()) && named.mx().eq(policy.mx())
            })
        };
        scenario.policies.iter().find(|(_, named)| means_the_same(&named.text))
    };
    by_text.or_else(by_meaning).map(|(name, _)| name.clone())
}
