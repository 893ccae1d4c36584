//! Scenarios that need nothing but a lookup machine, in whatever language.

use super::{BASE, decision, intent, name_to_look_up, outcome_of_no_domain, policy_name};
use crate::vectors::{Cached, DnsAnswer, Http, Rrset, Scenario, Sender, Step, Tls};
use mta_sts_core::{FetchError, Intent};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An error is for the reader: it becomes the step's outcome. Times are seconds.
pub type Result<T> = std::result::Result<T, String>;

/// A lookup machine, and its entries for a cache that the player keeps.
pub trait Machine {
    /// What the cache holds for a domain.
    type Entry;
    /// A lookup that has begun.
    type Lookup: Lookup<Self::Entry>;

    /// The normal form of a policy domain; `None` if the name is none.
    fn domain(&self, name: &str) -> Result<Option<String>>;
    /// Makes an entry for a policy that is known from elsewhere.
    fn import(&self, domain: &str, id: &str, body: &[u8], fetched_at: u64, checked_at: u64) -> Result<Self::Entry>;
    /// What a store writes for the entry.
    fn encode(&self, entry: &Self::Entry) -> Vec<u8>;
    /// Reads what a store holds for the domain; `None` if it is no entry.
    fn decode(&self, stored: &[u8], domain: &str) -> Result<Option<Self::Entry>>;
    /// The body of the policy that the domain's entry holds.
    fn held(&self, entry: &Self::Entry, domain: &str) -> Result<Option<Vec<u8>>>;
    /// Begins a lookup; all of it happens at the time `now`.
    fn look_up(
        &self,
        domain: &str,
        cached: Option<&Self::Entry>,
        intent: Intent,
        config: Sender,
        now: u64,
    ) -> Result<Self::Lookup>;
}

/// A lookup that has begun. What is answered with `bool` is whether more of the response is wanted.
pub trait Lookup<Entry> {
    /// What must be done next.
    fn want(&self) -> Result<Want>;
    /// Takes the answer of DNS.
    fn txt(&mut self, answer: Txt<'_>) -> Result<()>;
    /// Takes the status and all header fields.
    fn https_head(&mut self, status: u16, fields: &[(&str, &str)]) -> Result<bool>;
    /// Takes a piece of the body.
    fn https_body(&mut self, piece: &[u8]) -> Result<bool>;
    /// Ends the body.
    fn https_end(&mut self) -> Result<()>;
    /// Ends a fetch that failed.
    fn https_failed(&mut self, why: FetchError) -> Result<()>;
    /// Ends the lookup, which wants nothing any more. `current` is what the cache holds.
    fn end(self, current: Option<Entry>) -> Result<Ended<Entry>>;
}

/// What a lookup wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Want {
    /// The TXT records of this name.
    Txt(String),
    /// What this URL serves.
    Https(String),
    /// Nothing: it has ended.
    Nothing,
}

/// The answer of DNS.
#[derive(Clone, Copy, Debug)]
pub enum Txt<'v> {
    /// These records.
    Records(&'v Rrset),
    /// None.
    Absent,
    /// It is not known.
    TempFail,
}

/// What a lookup came to.
#[derive(Clone, Debug)]
pub struct Ended<Entry> {
    /// The body of the policy that applies.
    pub applied: Option<Vec<u8>>,
    /// What the cache holds from now on.
    pub entry: Option<Entry>,
    /// What a TLSRPT report says.
    pub result_type: Option<String>,
    /// Whether the administrator is told.
    pub alert: bool,
    /// Whether a message that failed under the policy may be returned.
    pub confirms_bounce: bool,
    /// What could not be learnt, in words.
    pub failure: Option<String>,
}

/// Plays the scenario; gives `{"steps": [outcome, …]}`.
#[must_use]
pub fn play<M: Machine>(machine: &M, scenario: &Scenario) -> Value {
    let mut cache: BTreeMap<_, _> = match cached_at_start(machine, scenario) {
        Ok(cached) => cached.into_iter().collect(),
        Err(error) => return json!({ "error": error }),
    };
    let mut play = |step| match step_outcome(machine, scenario, step, &mut cache) {
        Ok(outcome) => outcome,
        Err(error) => json!({ "error": error }),
    };
    json!({ "steps": scenario.steps.iter().map(&mut play).collect::<Vec<_>>() })
}

/// The domain and the entry that are cached at the start.
///
/// # Errors
/// If the machine does not take the vector's policy.
pub fn cached_at_start<M: Machine>(machine: &M, scenario: &Scenario) -> Result<Option<(String, M::Entry)>> {
    let Some(domain) = machine.domain(&scenario.policy_domain)? else { return Ok(None) };
    let entry = match &scenario.cache {
        None => None,
        Some(Cached::Policy { policy, id, fetched_at, checked_at }) => {
            let body = scenario.policies[policy].text.as_bytes();
            let time = |t: i64| BASE.saturating_add_signed(t);
            Some(machine.import(&domain, id, body, time(*fetched_at), time(*checked_at))?)
        }
        // What does not decode is no entry.
        Some(Cached::Text { entry_text }) => machine.decode(entry_text.as_bytes(), &domain)?,
    };
    Ok(entry.map(|entry| (domain, entry)))
}

fn step_outcome<M: Machine>(
    machine: &M,
    scenario: &Scenario,
    step: &Step,
    cache: &mut BTreeMap<String, M::Entry>,
) -> Result<Value> {
    if step.event == "restart" {
        for (domain, entry) in cache {
            let decoded = machine.decode(&machine.encode(entry), domain)?;
            *entry = decoded.ok_or("the entry does not survive a restart")?;
        }
        return Ok(json!({}));
    }
    let Some(domain) = machine.domain(name_to_look_up(scenario, step))? else { return Ok(outcome_of_no_domain()) };
    let mut asked = Vec::new();
    let mut http_requests = 0;
    let cached = cache.get(&domain);
    let mut lookup = machine.look_up(&domain, cached, intent(&step.event), scenario.sender, BASE + step.t)?;
    loop {
        match lookup.want()? {
            Want::Txt(name) => {
                let name = name.trim_end_matches('.').to_owned();
                answer_txt(&mut lookup, step, &name)?;
                asked.push(name);
            }
            Want::Https(url) => {
                http_requests += 1;
                let expected = format!("https://mta-sts.{domain}/.well-known/mta-sts.txt");
                let http = step.http.as_ref().filter(|_| url == expected);
                answer_https(&mut lookup, scenario, http.ok_or_else(|| format!("{url} was asked for"))?)?;
            }
            Want::Nothing => break,
        }
    }
    let ended = lookup.end(cache.remove(&domain))?;
    let held = ended.entry.as_ref().map(|entry| machine.held(entry, &domain)).transpose()?.flatten();
    cache.extend(ended.entry.map(|entry| (domain, entry)));
    Ok(json!({
        "decision": decision(scenario, ended.applied.as_deref()),
        "cached_after": held.and_then(|body| policy_name(scenario, &body)),
        "http_requested": http_requests > 0,
        "http_requests": http_requests,
        "tlsrpt_result_types": Vec::from_iter(ended.result_type),
        "alert_admin": ended.alert,
        "asked": asked,
        // No vector asks for these, but machines agree on them.
        "confirms_bounce": ended.confirms_bounce,
        "failure": ended.failure,
    }))
}

fn answer_txt<E>(lookup: &mut impl Lookup<E>, step: &Step, name: &str) -> Result<()> {
    let mut name = name;
    // A resolver follows CNAMEs; a chain is never longer than the list.
    for _ in 0..=step.dns.len() {
        let answer = step.dns.get(name).ok_or_else(|| format!("{name} was asked for"))?;
        return lookup.txt(match answer {
            DnsAnswer::Cname { target } => {
                name = target;
                continue;
            }
            DnsAnswer::Records { records } => Txt::Records(records),
            DnsAnswer::Absent { .. } => Txt::Absent,
            DnsAnswer::TempFail { .. } => Txt::TempFail,
        });
    }
    lookup.txt(Txt::TempFail)
}

fn answer_https<E>(lookup: &mut impl Lookup<E>, scenario: &Scenario, http: &Http) -> Result<()> {
    let failed = match (http.outcome.as_str(), http.reason.as_deref(), &http.tls) {
        ("connect-error", Some("no-address"), _) => Some(FetchError::Dns),
        ("connect-error", ..) => Some(FetchError::Connect),
        ("timeout", ..) => Some(FetchError::Timeout),
        ("tls-error", _, Some(Tls::Tls11Only | Tls::HandshakeFailure)) => Some(FetchError::Tls),
        ("tls-error", ..) => Some(FetchError::Certificate),
        _ => None,
    };
    if let Some(why) = failed {
        return lookup.https_failed(why);
    }
    let content_type = http.content_type.iter().map(|value| ("Content-Type", value.as_str()));
    let content_encoding = http.content_encoding.iter().map(|value| ("Content-Encoding", value.as_str()));
    let others = http.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<_> = content_type.chain(content_encoding).chain(others).collect();
    if !lookup.https_head(http.status, &fields)? {
        return Ok(());
    }
    for piece in http.body_octets(&scenario.policies).chunks(1000) {
        if !lookup.https_body(piece)? {
            return Ok(());
        }
    }
    if http.endless {
        while lookup.https_body(b"x-pad: x\n")? {}
        return Ok(());
    }
    if http.outcome == "truncated" {
        return lookup.https_failed(FetchError::Incomplete);
    }
    lookup.https_end()
}
