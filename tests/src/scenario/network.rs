//! Scenarios that need real servers: the driver against the lab.

use super::{
    BASE, RustMachine, decision, intent, machine::cached_at_start, name_to_look_up, outcome_of_no_domain, policy_name,
};
use crate::vectors::{self, DnsAnswer, Http, Scenario, Step};
use mta_sts::{
    Answer, BoxFuture, CacheOp, Clock, Config, Delivery, Domain, Entry, Freshness, Intent, MemoryStore, NameServer,
    Plan, PlanOptions, PolicyStore, Resolver, StoreError, Timeouts, UnixTime,
};
use mta_sts_lab::{
    self as lab, Address, Framing, Lab, MxHost, PolicyHost, Record, RecordType, Reply, Response, San, SmtpEvent, Tls,
    WELL_KNOWN, World,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Runtime;

/// A second of a scenario in which a server is slow; and so much shorter is the time for a fetch.
const SECOND: Duration = Duration::from_millis(50);

/// The lab, and a runtime for it and the driver.
pub struct Network {
    runtime: Runtime,
    lab: Lab,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("dns", &self.lab.dns_addr()).finish_non_exhaustive()
    }
}

impl Network {
    /// Starts the lab's servers.
    ///
    /// # Errors
    /// If they cannot listen on loopback.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Runtime::new()?;
        let lab = runtime.block_on(Lab::start())?;
        Ok(Self { runtime, lab })
    }

    /// Plays the scenario; gives `{"steps": [outcome, …]}`.
    #[must_use]
    pub fn play(&self, scenario: &Scenario) -> Value {
        let played = self.runtime.block_on(play(&self.lab, scenario));
        played.unwrap_or_else(|error| json!({ "error": error.to_string() }))
    }
}

/// A sender: the driver, its store and its clock.
struct Sender {
    resolver: Resolver,
    store: Arc<ScriptedStore>,
    clock: Arc<StepClock>,
}

async fn play(lab: &Lab, scenario: &Scenario) -> Result<Value, Box<dyn Error>> {
    let mut sender = Sender::new(lab, scenario, MemoryStore::new(100))?;
    if let Some((_, entry)) = cached_at_start(&RustMachine, scenario)? {
        let (domain, now) = (entry.domain().clone(), sender.clock.now());
        sender.store.memory.apply(&domain, &CacheOp::Fetched(entry), now).await?;
    }
    let mut steps = Vec::new();
    for step in &scenario.steps {
        sender.clock.set(step.t);
        if step.event == "restart" {
            sender = sender.restarted(lab, scenario).await?;
            steps.push(json!({}));
        } else {
            steps.push(play_step(lab, scenario, step, &sender).await?);
        }
    }
    Ok(json!({ "steps": steps }))
}

async fn play_step(lab: &Lab, scenario: &Scenario, step: &Step, sender: &Sender) -> Result<Value, Box<dyn Error>> {
    let world = lab.world();
    world.clear();
    let Ok(domain) = Domain::from_unicode(name_to_look_up(scenario, step)) else { return Ok(outcome_of_no_domain()) };
    sender.store.read_only.store(step.store.as_deref() == Some("read-only"), Ordering::SeqCst);
    set_dns(world, step);
    if let Some(http) = &step.http {
        set_policy_host(world, &domain, scenario, http);
    }
    set_mx_hosts(world, &domain, step)?;
    let (answer, plan) = act(sender, &domain, step).await;
    let asked: BTreeSet<String> = world
        .dns_log()
        .into_iter()
        .filter(|(name, kind)| *kind == RecordType::Txt || name.starts_with("_mta-sts."))
        .map(|(name, _)| name)
        .collect();
    if let Some(stray) = asked.iter().find(|name| !step.dns.keys().any(|listed| listed.eq_ignore_ascii_case(name))) {
        return Ok(json!({ "error": format!("{stray} was asked for") }));
    }
    if let Some(seen) =
        world.http_log().iter().find(|seen| seen.path != WELL_KNOWN || seen.host != domain.policy_host())
    {
        return Ok(json!({ "error": format!("{} of {} was asked for", seen.path, seen.host) }));
    }
    let held = answer.entry.as_ref().and_then(Entry::held);
    let mut result_types: BTreeSet<&str> = answer.result_type.map(|result| result.as_str()).into_iter().collect();
    result_types
        .extend(plan.iter().flat_map(|plan| &plan.hosts).flat_map(|host| &host.result_types).map(|t| t.as_str()));
    let mut outcome = json!({
        "decision": decision(scenario, answer.decision.policy().map(|policy| policy.text())),
        "cached_after": held.and_then(|held| policy_name(scenario, held.policy.text())),
        "http_requested": answer.asked_https,
        "http_requests": world.http_log().len(),
        "tlsrpt_result_types": result_types,
        "alert_admin": answer.alert.is_some(),
        "asked": asked,
        "sni": sni(world, step),
    });
    if let Some(plan) = plan {
        outcome["delivery"] = match &plan.delivery {
            Delivery::To { host, tls } => json!({ "action": "deliver", "host": host, "tls": tls.to_string() }),
            _ => json!({ "action": "defer" }),
        };
        outcome["smtp_class"] = json!(if matches!(plan.delivery, Delivery::Defer(_)) { 4 } else { 2 });
    }
    Ok(outcome)
}

/// What the sender does in this step. Mail is planned only where there are MX hosts.
async fn act(sender: &Sender, domain: &Domain, step: &Step) -> (Answer, Option<Plan>) {
    let resolver = &sender.resolver;
    let intent = intent(&step.event);
    if step.event == "deliver-twice-at-once" {
        let (answer, _) = tokio::join!(resolver.resolve_with(domain, intent), resolver.resolve_with(domain, intent));
        return (answer, None);
    }
    if step.mx.is_empty() || intent == Intent::Refresh {
        return (resolver.resolve_with(domain, intent).await, None);
    }
    let options = PlanOptions {
        probe: true,
        intent,
        local_hosts: step.local_host.iter().cloned().collect(),
        ignore_policy: step.event == "deliver-report",
        ..PlanOptions::default()
    };
    let plan = resolver.plan(domain, &options).await;
    (plan.answer.clone(), Some(plan))
}

/// The SNI that a server saw last: an MX host if there are any, else the policy host.
fn sni(world: &World, step: &Step) -> Option<String> {
    if step.mx.is_empty() {
        return world.hello_log().last().and_then(|seen| seen.sni.clone());
    }
    let sni = |event| if let SmtpEvent::Sni(sni) = event { sni } else { None };
    world.smtp_log().into_iter().rev().find_map(|seen| sni(seen.event))
}

fn set_dns(world: &World, step: &Step) {
    for (name, answer) in &step.dns {
        let failed = |refused, extended_error: &Option<u16>| match extended_error {
            Some(code) => lab::Answer::Failure { refused, extended_error: *code },
            None if refused => lab::Answer::Refused,
            None => lab::Answer::ServFail,
        };
        let answer = match answer {
            DnsAnswer::Records { records: rrset } => lab::Answer::Records(
                rrset.iter().map(|record| Record::Txt(record.iter().map(vectors::Octets::bytes).collect())).collect(),
            ),
            DnsAnswer::Absent { why } if why.as_deref() == Some("nodata") => lab::Answer::Records(Vec::new()),
            DnsAnswer::Absent { .. } => lab::Answer::NxDomain,
            DnsAnswer::TempFail { why, .. } if why == "timeout" => lab::Answer::Silence,
            DnsAnswer::TempFail { why, extended_error } => failed(why == "refused", extended_error),
            DnsAnswer::Cname { target } => {
                world.cname(name, target);
                continue;
            }
        };
        world.set(name, RecordType::Txt, answer);
    }
}

fn set_policy_host(world: &World, domain: &Domain, scenario: &Scenario, http: &Http) {
    let response = Response {
        status: http.status,
        content_type: http.content_type.clone(),
        headers: http.headers.clone(),
        body: http.body_octets(&scenario.policies),
        framing: match http.framing.as_deref() {
            Some("chunked") => Framing::Chunked,
            Some("close") => Framing::Close,
            _ => Framing::ContentLength,
        },
        declared_length: http.content_length,
        truncated: http.outcome == "truncated",
        close_notify: http.close_notify.unwrap_or(true),
        interim: http.interim.clone(),
        endless: http.endless,
        octet_delay: http.seconds_per_octet.map(|seconds| SECOND * u32::try_from(seconds).unwrap_or(u32::MAX)),
        gzip: http.content_encoding.is_some(),
    };
    let elsewhere = http.elsewhere.iter().map(|other| {
        let response = Response {
            status: other.status,
            content_type: other.content_type.clone(),
            ..Response::text(other.body.octets(&scenario.policies))
        };
        let (host, path) = other.url.trim_start_matches("https://").split_once('/').unwrap_or((&other.url, ""));
        (host.to_owned(), format!("/{path}"), response)
    });
    let (own, others): (Vec<_>, Vec<_>) = elsewhere.partition(|(host, ..)| *host == domain.policy_host());
    for (host, path, response) in others {
        let elsewhere = vec![(path.clone(), response.clone())];
        let reply = Reply::Response(if path == WELL_KNOWN { response } else { Response::status(404) });
        world.policy_host(&host, PolicyHost { reply, elsewhere, ..PolicyHost::default() });
    }
    let address = match (http.outcome.as_str(), http.reason.as_deref(), http.address.as_deref()) {
        ("connect-error", Some("no-address"), _) => Address::None,
        ("connect-error", ..) => Address::Refused,
        (_, _, Some("ipv6-only")) => Address::V6Only,
        (_, _, Some(_)) => Address::SecondOfTwo,
        _ => Address::V4,
    };
    world.policy_host(
        &domain.policy_host(),
        PolicyHost {
            tls: http.tls.as_ref().map_or(Tls::Valid, certificate),
            reply: if http.outcome == "timeout" { Reply::Silence } else { Reply::Response(response) },
            elsewhere: own.into_iter().map(|(_, path, response)| (path, response)).collect(),
            address,
        },
    );
}

fn set_mx_hosts(world: &World, domain: &Domain, step: &Step) -> Result<(), Box<dyn Error>> {
    let secure = step.tlsa.is_some_and(|tlsa| tlsa.secure);
    let explicit: Vec<_> = step.mx.iter().filter(|mx| !mx.implicit).map(|mx| (mx.preference, &*mx.host)).collect();
    if !explicit.is_empty() {
        world.mx(domain.as_str(), &explicit);
    }
    world.set_secure(domain.as_str(), secure);
    for mx in &step.mx {
        let tls = mx.tls.as_ref().map_or(Tls::Valid, certificate);
        let host = MxHost { starttls: mx.starttls, tls, reachable: mx.reachable, ..MxHost::default() };
        let address = world.mx_host(&mx.host, host)?;
        world.set_secure(&mx.host, secure);
        if let Some(target) = &mx.cname {
            world.cname(&mx.host, target);
            world.host_address(target, &[address.into()]);
            world.set_secure(target, secure);
        }
        if let Some(tlsa) = step.tlsa {
            let digest = world.tlsa_for(&mx.host);
            let data = if tlsa.matches { digest } else { digest.iter().map(|octet| !octet).collect() };
            let record = Record::Tlsa { usage: 3, selector: 1, matching: 1, data };
            world.set(&format!("_25._tcp.{}", mx.host), RecordType::Tlsa, lab::Answer::Records(vec![record]));
        }
    }
    Ok(())
}

fn certificate(tls: &vectors::Tls) -> Tls {
    match tls {
        vectors::Tls::Valid => Tls::Valid,
        vectors::Tls::Expired => Tls::Expired,
        vectors::Tls::NotYetValid => Tls::NotYetValid,
        vectors::Tls::SelfSigned => Tls::SelfSigned,
        vectors::Tls::UnknownCa => Tls::UnknownCa,
        vectors::Tls::MissingIntermediate => Tls::MissingIntermediate,
        vectors::Tls::IssuerNotCa => Tls::IssuerNotCa,
        vectors::Tls::ExpiredIntermediate => Tls::ExpiredIntermediate,
        vectors::Tls::NameConstraints => Tls::NameConstraints,
        vectors::Tls::ClientAuthOnly => Tls::ClientAuthOnly,
        vectors::Tls::Revoked => Tls::Revoked,
        vectors::Tls::Tls11Only => Tls::Tls11Only,
        vectors::Tls::HandshakeFailure => Tls::HandshakeFailure,
        vectors::Tls::ChosenBySni { sni } => Tls::ChosenBySni { sni: sni.clone() },
        vectors::Tls::Names { san, cn } => Tls::Names { san: san.iter().map(san_of).collect(), cn: cn.clone() },
    }
}

fn san_of(san: &vectors::San) -> San {
    match san {
        vectors::San::Dns(name) => San::Dns(name.clone()),
        vectors::San::Ip(ip) => San::Ip(*ip),
        vectors::San::Uri(uri) => San::Uri(uri.clone()),
        vectors::San::Email(email) => San::Email(email.clone()),
    }
}

impl Sender {
    fn new(lab: &Lab, scenario: &Scenario, memory: MemoryStore) -> Result<Self, Box<dyn Error>> {
        let clock = Arc::new(StepClock(AtomicU64::new(BASE)));
        let store = Arc::new(ScriptedStore { memory, read_only: AtomicBool::new(false) });
        let vectors::Sender { recheck_after, backoff, max_body } = scenario.sender;
        // Short where the scenario waits for it, long where a busy machine might need it.
        let any = |is_so: fn(&Step) -> bool| scenario.steps.iter().any(is_so);
        let is_silent = |answer: &DnsAnswer| matches!(answer, DnsAnswer::TempFail { why, .. } if why == "timeout");
        let waits_for_dns = scenario.steps.iter().flat_map(|step| step.dns.values()).any(is_silent);
        let has_slow_body = any(|step| step.http.as_ref().is_some_and(|http| http.seconds_per_octet.is_some()));
        let has_stall = any(|step| step.http.as_ref().is_some_and(|http| http.outcome == "timeout"));
        let timeouts = Timeouts {
            dns: if waits_for_dns { Duration::from_millis(1500) } else { Duration::from_secs(10) },
            connect: Duration::from_secs(10),
            fetch: match (has_slow_body, has_stall) {
                (true, _) => SECOND * 60,
                (_, true) => Duration::from_secs(2),
                _ => Duration::from_secs(20),
            },
            smtp: Duration::from_secs(10),
            ..Timeouts::default()
        };
        let resolver = Resolver::builder()
            .name_servers([NameServer::Plain(lab.dns_addr())])
            .extra_ca_pem(lab.ca_pem().as_bytes())?
            .only_extra_ca(true)
            .https_port(lab.https_port())
            .smtp_port(lab.smtp_port())
            .allow_nets(["127.0.0.0/8".parse()?, "::1/128".parse()?])
            .timeouts(timeouts)
            .freshness(Freshness::Checked)
            .config(Config { recheck_after, backoff, max_body })
            .store(store.clone())
            .clock(clock.clone())
            .dane(true)
            .build()?;
        Ok(Self { resolver, store, clock })
    }

    /// Everything that a process forgets is forgotten; the store's entries go through their text form.
    async fn restarted(self, lab: &Lab, scenario: &Scenario) -> Result<Self, Box<dyn Error>> {
        let now = self.clock.now();
        let memory = MemoryStore::new(100);
        for entry in self.store.memory.list(None, 100).await? {
            let domain = entry.domain().clone();
            let entry = Entry::decode(&entry.encode(), &domain)?;
            memory.apply(&domain, &CacheOp::Fetched(entry), now).await?;
        }
        let sender = Self::new(lab, scenario, memory)?;
        sender.clock.0.store(now.0, Ordering::SeqCst);
        Ok(sender)
    }
}

/// The scenario's clock.
#[derive(Debug)]
struct StepClock(AtomicU64);

impl StepClock {
    fn set(&self, t: u64) {
        self.0.store(BASE + t, Ordering::SeqCst);
    }
}

impl Clock for StepClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::SeqCst))
    }
}

/// A store that takes nothing when the scenario says so.
#[derive(Debug)]
struct ScriptedStore {
    memory: MemoryStore,
    read_only: AtomicBool,
}

impl PolicyStore for ScriptedStore {
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        self.memory.get(domain)
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        if self.read_only.load(Ordering::SeqCst) {
            return Box::pin(async { Err(StoreError::Failed("the store is read-only".to_owned())) });
        }
        self.memory.apply(domain, op, now)
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        self.memory.list(after, limit)
    }
}
