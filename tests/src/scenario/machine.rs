//! Scenarios that need nothing but the lookup machine.

use super::{BASE, cached_at_start, intent, policy_domain, policy_name};
use crate::{
    faces::records,
    vectors::{DnsAnswer, Http, Scenario, Step, Tls},
};
use mta_sts_core::{
    Config, Decision, Domain, Entry, FetchError, Flow, HttpsHead, Lookup, OutOfTurn, Txt, UnixTime, Want,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Plays the scenario; gives `{"steps": [outcome, …]}`.
#[must_use]
pub fn play(scenario: &Scenario) -> Value {
    let mut cache = BTreeMap::new();
    if let Some(entry) = cached_at_start(scenario) {
        cache.insert(entry.domain().clone(), entry);
    }
    let steps: Vec<_> = scenario.steps.iter().map(|step| play_step(scenario, step, &mut cache)).collect();
    json!({ "steps": steps })
}

fn play_step(scenario: &Scenario, step: &Step, cache: &mut BTreeMap<Domain, Entry>) -> Value {
    if step.event == "restart" {
        for (domain, entry) in cache.iter_mut() {
            match Entry::decode(&entry.encode(), domain) {
                Ok(decoded) => *entry = decoded,
                Err(error) => return json!({ "error": format!("the entry does not survive a restart: {error}") }),
            }
        }
        return json!({});
    }
    let Some(domain) = policy_domain(scenario, step) else {
        return json!({ "decision": "no-policy", "cached_after": null, "http_requested": false,
            "tlsrpt_result_types": [], "asked": [], "alert_admin": false, "http_requests": 0 });
    };
    let now = UnixTime(BASE + step.t);
    let config = Config {
        recheck_after: scenario.sender.recheck_after,
        backoff: scenario.sender.backoff,
        max_body: scenario.sender.max_body,
    };
    let mut asked = Vec::new();
    let mut http_requests = 0;
    let mut lookup = Lookup::new(&domain, cache.get(&domain).cloned(), intent(&step.event), config, now);
    loop {
        let answered = match lookup.want() {
            Want::Txt { name } => {
                let name = name.trim_end_matches('.').to_owned();
                asked.push(name.clone());
                answer_txt(&mut lookup, step, &name, now)
            }
            Want::Https { .. } => {
                http_requests += 1;
                let Some(http) = &step.http else {
                    return json!({ "error": "the policy URL was asked for" });
                };
                answer_https(&mut lookup, scenario, http, now).map_err(|e| e.to_string())
            }
            Want::Nothing => break,
        };
        if let Err(error) = answered {
            return json!({ "error": error });
        }
    }
    let Some(outcome) = lookup.into_outcome() else { return json!({ "error": "the lookup has no outcome" }) };
    if let Some(entry) = Entry::apply(cache.remove(&domain), &domain, &outcome.cache, now) {
        cache.insert(domain.clone(), entry);
    }
    let decision = match &outcome.decision {
        Decision::NoPolicy => "no-policy".to_owned(),
        Decision::Testing(policy) | Decision::Enforce(policy) => {
            format!("apply:{}", policy_name(scenario, policy).unwrap_or_else(|| "?".to_owned()))
        }
    };
    let held = cache.get(&domain).and_then(Entry::held);
    json!({
        "decision": decision,
        "cached_after": held.and_then(|held| policy_name(scenario, &held.policy)),
        "http_requested": http_requests > 0,
        "http_requests": http_requests,
        "tlsrpt_result_types": outcome.result_type().map(|result| result.as_str()).into_iter().collect::<Vec<_>>(),
        "alert_admin": outcome.alert.is_some(),
        "asked": asked,
    })
}

fn answer_txt(lookup: &mut Lookup, step: &Step, name: &str, now: UnixTime) -> Result<(), String> {
    let mut name = name;
    // A resolver follows CNAMEs; a chain is never longer than the list.
    for _ in 0..=step.dns.len() {
        let answer = step.dns.get(name).ok_or_else(|| format!("{name} was asked for"))?;
        let answered = match answer {
            DnsAnswer::Cname { target } => {
                name = target;
                continue;
            }
            DnsAnswer::Records { records: rrset } => lookup.txt(Txt::Records(&records(rrset)), now),
            DnsAnswer::Absent { .. } => lookup.txt(Txt::Absent, now),
            DnsAnswer::TempFail { .. } => lookup.txt(Txt::TempFail, now),
        };
        return answered.map_err(|e| e.to_string());
    }
    lookup.txt(Txt::TempFail, now).map_err(|e| e.to_string())
}

fn answer_https(lookup: &mut Lookup, scenario: &Scenario, http: &Http, now: UnixTime) -> Result<(), OutOfTurn> {
    let failed = match (http.outcome.as_str(), http.reason.as_deref(), &http.tls) {
        ("connect-error", Some("no-address"), _) => Some(FetchError::Dns),
        ("connect-error", ..) => Some(FetchError::Connect),
        ("timeout", ..) => Some(FetchError::Timeout),
        ("tls-error", _, Some(Tls::Tls11Only | Tls::HandshakeFailure)) => Some(FetchError::Tls),
        ("tls-error", ..) => Some(FetchError::Certificate),
        _ => None,
    };
    if let Some(why) = failed {
        return lookup.https_failed(why, now);
    }
    let content_type: Vec<&str> = http.content_type.iter().map(String::as_str).collect();
    let content_encoding: Vec<&str> = http.content_encoding.iter().map(String::as_str).collect();
    let head = HttpsHead { status: http.status, content_type: &content_type, content_encoding: &content_encoding };
    if lookup.https_head(&head, now)? == Flow::Stop {
        return Ok(());
    }
    for piece in http.body_octets(&scenario.policies).chunks(1000) {
        if lookup.https_body(piece, now)? == Flow::Stop {
            return Ok(());
        }
    }
    if http.endless {
        while lookup.https_body(b"x-pad: x\n", now)? == Flow::Continue {}
        return Ok(());
    }
    if http.outcome == "truncated" {
        return lookup.https_failed(FetchError::Incomplete, now);
    }
    lookup.https_end(now)
}
