//! Asks DNS, the policy host and the MX hosts.

use super::Args;
use crate::{exit::Stop, input, matching::reason, output::escape};
use mta_sts::{
    Answer, BuildError, Candidate, Delivery, Freshness, MxHost, Plan, PlanOptions, Policy, ProbeResult, Resolver,
    Timeouts, UnixTime, Verdict,
};
use mta_sts_core::{Domain, ResultType, TxtRecords};
use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, SystemTime},
};
use tracing::level_filters::LevelFilter;

/// All that was learnt.
pub(super) struct Picture {
    pub(super) answer: Answer,
    /// The TXT records of `_mta-sts`, where they are known.
    pub(super) records: Option<TxtRecords>,
    /// The MX hosts were given and not asked for.
    pub(super) given: bool,
    pub(super) hosts: Vec<Host>,
    pub(super) delivery: Delivery,
    /// When it was learnt.
    pub(super) now: UnixTime,
}

/// An MX host.
pub(super) struct Host {
    /// Its name as in DNS.
    pub(super) name: String,
    pub(super) preference: Option<u16>,
    /// Whether the policy names it; `None` if no policy applies.
    pub(super) permitted: Option<bool>,
    /// The pattern that names it.
    pub(super) pattern: Option<String>,
    /// Why the policy permits it, or does not.
    pub(super) reason: Option<String>,
    pub(super) probe: Option<ProbeResult>,
    pub(super) verdict: Verdict,
    pub(super) result_types: Vec<ResultType>,
}

pub(super) fn ask(domain: &Domain, args: &Args) -> Result<Picture, Stop> {
    let resolver = resolver(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Stop::unknown(format!("cannot start: {}", input::in_words(&error))))?;
    let progress = Progress::start(domain);
    let picture = runtime.block_on(async {
        let name = domain.txt_name();
        let (picture, records) = tokio::join!(picture(&resolver, domain, args), resolver.txt(&name));
        Picture { records: records.ok().filter(|records| !records.is_empty()), ..picture }
    });
    drop(progress);
    // Nothing that is still under way matters any more.
    runtime.shutdown_background();
    Ok(picture)
}

fn resolver(args: &Args) -> Result<Resolver, Stop> {
    let cannot = |error: BuildError| match error {
        BuildError::BadCa => Stop::usage(error.to_string()),
        _ => Stop::unknown(error.to_string()),
    };
    let mut builder = Resolver::builder()
        .name_servers(args.dns.iter().cloned())
        .https_port(args.https_port)
        .smtp_port(args.smtp_port)
        .allow_nets(args.allow_net.iter().copied())
        .timeouts(timeouts(args))
        .freshness(Freshness::Checked);
    if let Some(file) = &args.ca {
        const MAX_CA_FILE: usize = 8 << 20;
        builder = builder.extra_ca_pem(&input::read(file, MAX_CA_FILE)?.bytes).map_err(cannot)?;
    }
    builder.build().map_err(cannot)
}

fn timeouts(args: &Args) -> Timeouts {
    let defaults = Timeouts::default();
    let given = Duration::from_secs(args.timeout);
    Timeouts {
        dns: defaults.dns.min(given),
        connect: defaults.connect.min(given),
        fetch: given,
        smtp: given,
        ..defaults
    }
}

async fn picture(resolver: &Resolver, domain: &Domain, args: &Args) -> Picture {
    let given = |name: &String| MxHost { name: name.clone(), preference: None };
    let hosts = (!args.mx.is_empty()).then(|| args.mx.iter().map(given).collect());
    let options = PlanOptions { probe: args.probe, hosts, ..PlanOptions::default() };
    let Plan { answer, hosts, delivery, .. } = resolver.plan(domain, &options).await;
    let policy = answer.decision.policy().map(|policy| &**policy);
    let hosts = hosts.into_iter().map(|candidate| Host::new(candidate, policy)).collect();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Picture { answer, records: None, given: !args.mx.is_empty(), hosts, delivery, now: UnixTime(now) }
}

impl Host {
    fn new(candidate: Candidate, policy: Option<&Policy>) -> Self {
        let Candidate { host: name, preference, permitted, probe, verdict, result_types, .. } = candidate;
        let (pattern, reason) = pattern_and_reason(&name, policy);
        Self { name, preference, permitted, pattern, reason, probe, verdict, result_types }
    }

    /// Its name to show.
    pub(super) fn shown(&self) -> String {
        escape::name(&self.name)
    }
}

fn pattern_and_reason(host: &str, policy: Option<&Policy>) -> (Option<String>, Option<String>) {
    let Some(policy) = policy else { return (None, None) };
    match policy.matching_pattern(host) {
        Some(pattern) => (Some(pattern.to_string()), Some(reason::of(pattern, host.as_bytes()))),
        None => (None, Some(reason::of_none(policy, host.as_bytes()))),
    }
}

/// A line on a terminal while there is nothing else to see.
struct Progress(bool);

impl Progress {
    fn start(domain: &Domain) -> Self {
        let shows = io::stderr().is_terminal() && LevelFilter::current() <= LevelFilter::WARN;
        if shows {
            // Nobody reads what cannot be written.
            let _ = write!(io::stderr(), "asking about {domain} …");
        }
        Self(shows)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.0 {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
