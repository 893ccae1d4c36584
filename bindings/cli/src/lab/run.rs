//! Runs the real driver against the domains of the lab.

use super::scenario::{Conclusion, Scenario, ShiftedClock};
use crate::exit::Stop;
use futures_util::{StreamExt, stream};
use mta_sts::{
    Config, Decision, DeferReason, Delivery, Failure, FetchError, Freshness, Intent, NameServer, Plan, PlanOptions,
    Resolver, Timeouts, TlsLevel, core::RecordError,
};
use mta_sts_lab::{Lab, WELL_KNOWN};
use std::{
    fmt,
    io::{IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// So many domains are looked up at once.
const AT_ONCE: usize = 8;

/// One domain, and what the driver concluded at each step.
pub(crate) struct Row {
    pub(crate) domain: String,
    pub(crate) what: &'static str,
    /// When, what was expected, what came out.
    pub(crate) steps: Vec<(i64, Conclusion, Conclusion)>,
}

impl Row {
    pub(crate) fn agrees(&self) -> bool {
        self.steps.iter().all(|(_, expected, got)| expected == got)
    }
}

/// Runs the scenarios, several at once, and shows progress on a terminal.
pub(crate) async fn all(lab: &Lab, scenarios: Vec<Scenario>) -> Result<Vec<Row>, Stop> {
    for scenario in &scenarios {
        scenario.steps[0].apply(lab.world(), &scenario.domain);
    }
    let (count, done) = (scenarios.len(), AtomicUsize::new(0));
    let shows = std::io::stderr().is_terminal();
    let rows = stream::iter(scenarios)
        .map(|scenario| async {
            let row = one(lab, scenario).await;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if shows {
                // Nobody reads what cannot be written.
                let _ = write!(
                    std::io::stderr(),
                    "\r{done} of {count} domains{}",
                    if done == count { "\r\x1b[K" } else { "" }
                );
            }
            row
        })
        .buffered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let rows: Vec<Row> = rows.into_iter().collect::<Result<_, _>>()?;
    strays(lab)?;
    Ok(rows)
}

async fn one(lab: &Lab, scenario: Scenario) -> Result<Row, Stop> {
    let clock = Arc::new(ShiftedClock::default());
    let resolver = resolver(lab, clock.clone()).map_err(|e| Stop::unknown(format!("the driver cannot start: {e}")))?;
    let domain = mta_sts::Domain::from_ascii(&scenario.domain)
        .map_err(|e| Stop::unknown(format!("{}: {e}", scenario.domain)))?;
    let mut steps = Vec::new();
    for (n, step) in scenario.steps.into_iter().enumerate() {
        if n > 0 {
            step.apply(lab.world(), &scenario.domain);
        }
        clock.shift(step.at);
        if step.intent == Intent::Refresh {
            resolver.resolve_with(&domain, Intent::Refresh).await;
        }
        let intent = if step.intent == Intent::Refresh { Intent::Deliver } else { step.intent };
        let plan = resolver.plan(&domain, &PlanOptions { probe: true, intent, ..PlanOptions::default() }).await;
        steps.push((step.at, step.expected, conclude(&plan)));
    }
    Ok(Row { domain: scenario.domain, what: scenario.what, steps })
}

/// The real driver with ordinary settings: name server, CA, ports, and leave to use loopback.
fn resolver(lab: &Lab, clock: Arc<ShiftedClock>) -> Result<Resolver, mta_sts::BuildError> {
    let seconds = Duration::from_secs;
    let loopback = ["127.0.0.0/8", "::1/128"].into_iter().filter_map(|net| net.parse().ok());
    Resolver::builder()
        .name_servers([NameServer::Plain(lab.dns_addr())])
        .extra_ca_pem(lab.ca_pem().as_bytes())?
        .only_extra_ca(true)
        .dane(true)
        .https_port(lab.https_port())
        .smtp_port(lab.smtp_port())
        .allow_nets(loopback)
        .timeouts(Timeouts {
            dns: seconds(3),
            connect: seconds(5),
            fetch: seconds(6),
            smtp: seconds(5),
            ..Timeouts::default()
        })
        .freshness(Freshness::Checked)
        // DNS is asked at each delivery, so that each step of a scenario is seen.
        .config(Config { recheck_after: 0, ..Config::default() })
        .clock(clock)
        .build()
}

fn conclude(plan: &Plan) -> Conclusion {
    let decision = match plan.answer.decision {
        Decision::NoPolicy => "no policy",
        Decision::Testing(_) => "testing",
        Decision::Enforce(_) => "enforce",
    };
    let failure = plan.answer.failure.as_ref().map_or_else(String::new, |failure| match failure {
        Failure::BackOff { .. } => "back-off".to_owned(),
        Failure::DnsTemporary => "DNS".to_owned(),
        Failure::Fetch(why) => fetch_error(why),
        Failure::Record(RecordError::NotFound) => "no record".to_owned(),
        Failure::Record(_) => "bad record".to_owned(),
        other => other.to_string(),
    });
    let delivery = match &plan.delivery {
        Delivery::To { host, tls: TlsLevel::Verified } => format!("{host}, verified TLS"),
        Delivery::To { host, tls: TlsLevel::Any } => format!("{host}, any TLS"),
        Delivery::To { host, tls: TlsLevel::Plaintext } => format!("{host}, plain text"),
        Delivery::Defer(DeferReason::NoHost) => "defer".to_owned(),
        Delivery::Defer(why) => format!("defer: {why}"),
        Delivery::NullMx => "none: the domain takes no mail".to_owned(),
        other => format!("{other:?}"),
    };
    Conclusion { decision: decision.to_owned(), failure, delivery }
}

fn fetch_error(why: &FetchError) -> String {
    match why {
        FetchError::Certificate => "certificate",
        FetchError::Connect => "no connection",
        FetchError::Dns => "no address",
        FetchError::Encoding => "encoding",
        FetchError::Incomplete => "incomplete",
        FetchError::MediaType => "media type",
        FetchError::NotAllowed => "address not allowed",
        FetchError::Policy(_) => "invalid policy",
        FetchError::Timeout => "time-out",
        FetchError::Tls => "TLS",
        FetchError::TooLarge => "too large",
        FetchError::Status(status) => return format!("status {status}"),
        other => return other.to_string(),
    }
    .to_owned()
}

/// What must never be asked for, by any scenario: names of a search list, and other URLs than the
/// policy's.
fn strays(lab: &Lab) -> Result<(), Stop> {
    let world = lab.world();
    if let Some((name, _)) =
        world.dns_log().into_iter().find(|(name, _)| !name.ends_with(".test") || name.contains("search-list"))
    {
        return Err(Stop {
            message: format!("the driver asked for a name of no scenario: {name}"),
            exit: crate::exit::Exit::Off,
        });
    }
    if let Some(seen) = world.http_log().into_iter().find(|seen| seen.path != WELL_KNOWN || seen.method != "GET") {
        let message = format!("the driver asked for {} {} of {}", seen.method, seen.path, seen.host);
        return Err(Stop { message, exit: crate::exit::Exit::Off });
    }
    Ok(())
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decision, failure, delivery } = self;
        let because = if failure.is_empty() { String::new() } else { format!(" ({failure})") };
        write!(f, "{decision}{because} -> {delivery}")
    }
}
