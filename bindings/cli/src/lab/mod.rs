//! `mta-sts lab`: a small internet on loopback, and the real driver against each of its domains.

mod catalogue;
mod run;
mod scenario;
mod serve;

use crate::exit::{Done, Exit, Stop};
use mta_sts_lab::{Lab, Ports};
use run::Row;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Starts DNS, HTTPS and SMTP servers and a CA on loopback, with domains of every good and bad
/// sort, and shows what a sending server concludes about each.
///
/// The driver is the real one, reached by ordinary settings; nothing leaves this machine.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Keep the servers up and say how to point a resolver at them, instead of the run.
    #[arg(long)]
    serve: bool,

    /// Run only the domains whose name contains one of these.
    #[arg(value_name = "DOMAIN", conflicts_with = "serve")]
    only: Vec<String>,

    /// The port of DNS; a free one if it is 0.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    dns_port: u16,

    /// The port of the policy hosts.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    https_port: u16,

    /// The port of the MX hosts.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    smtp_port: u16,

    /// With --serve: write the CA's certificate to this file.
    #[arg(long, value_name = "FILE", requires = "serve")]
    ca_out: Option<std::path::PathBuf>,

    /// With --serve: append each mail that an MX host accepts to this file, as a line of JSON.
    #[arg(long, value_name = "FILE", requires = "serve")]
    mail_log: Option<std::path::PathBuf>,

    /// With --serve: policy hosts send `Access-Control-Allow-Origin: *`, so that web pages can read policies.
    #[arg(long, requires = "serve")]
    cors: bool,
}

const AFTER_HELP: &str = "\
Exit codes: 0 if every domain is as expected, 2 if one differs, 3 if the servers cannot start.

Examples:
  mta-sts lab
  mta-sts lab redirect cert
  mta-sts lab --serve --dns-port 5300 --ca-out ca.pem
  mta-sts query enforce.test --dns 127.0.0.1:5300 --ca ca.pem --https-port PORT --allow-net 127.0.0.0/8";

pub(crate) fn run(args: &Args, json: bool) -> Result<Done, Stop> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| Stop::unknown(format!("cannot start: {e}")))?;
    runtime.block_on(async {
        let ports = Ports { dns: args.dns_port, https: args.https_port, smtp: args.smtp_port };
        let lab = Lab::start_with(ports).await.map_err(|e| Stop::unknown(format!("the lab cannot start: {e}")))?;
        let mut scenarios = catalogue::scenarios(lab.has_ipv6());
        if args.serve {
            lab.world().set_cors(args.cors);
            return serve::until_interrupted(&lab, &scenarios, args, json).await;
        }
        if !args.only.is_empty() {
            scenarios.retain(|scenario| args.only.iter().any(|part| scenario.domain.contains(part)));
        }
        if scenarios.is_empty() {
            return Err(Stop::usage("no domain of the lab has such a name; \"mta-sts lab\" runs all"));
        }
        let rows = run::all(&lab, scenarios).await?;
        Ok(if json { as_json(&rows) } else { as_table(&rows) })
    })
}

fn exit(rows: &[Row]) -> Exit {
    if rows.iter().all(Row::agrees) { Exit::Fine } else { Exit::Off }
}

fn as_json(rows: &[Row]) -> Done {
    let steps = |row: &Row| -> Vec<Value> {
        let step = |(at, expected, got): &(i64, _, _)| json!({ "at": at, "expected": as_value(expected), "got": as_value(got) });
        row.steps.iter().map(step).collect()
    };
    let domain = |row: &Row| json!({ "domain": row.domain, "what": row.what, "ok": row.agrees(), "steps": steps(row) });
    let failed = rows.iter().filter(|row| !row.agrees()).count();
    let domains: Vec<Value> = rows.iter().map(domain).collect();
    Done::json(&json!({ "domains": domains, "passed": rows.len() - failed, "failed": failed }), exit(rows))
}

fn as_value(conclusion: &scenario::Conclusion) -> Value {
    let scenario::Conclusion { decision, failure, delivery } = conclusion;
    json!({ "decision": decision, "failure": failure, "delivery": delivery })
}

fn as_table(rows: &[Row]) -> Done {
    use crate::output::style::{BAD, FAINT, GOOD, STRONG};
    let width = rows.iter().map(|row| row.domain.len()).max().unwrap_or_default();
    let mut text = String::new();
    // Writing to a String cannot fail.
    for row in rows {
        let (style, mark) = if row.agrees() { (GOOD, "ok") } else { (BAD, "DIFFERS") };
        let _ = writeln!(text, "{STRONG}{:width$}{STRONG:#}  {} {style}{mark}{style:#}", row.domain, row.what);
        for (at, expected, got) in &row.steps {
            let when = if row.steps.len() > 1 { format!("after {}, ", in_words(*at)) } else { String::new() };
            if expected == got {
                let _ = writeln!(text, "{:width$}  {FAINT}{when}as expected: {got}{FAINT:#}", "");
            } else {
                let _ = writeln!(text, "{:width$}  {when}expected: {expected}", "");
                let _ = writeln!(text, "{:width$}  {BAD}{when}got:      {got}{BAD:#}", "");
            }
        }
    }
    let failed = rows.iter().filter(|row| !row.agrees()).count();
    let style = if failed == 0 { GOOD } else { BAD };
    let _ = writeln!(
        text,
        "\n{style}{} of {} domains as expected{style:#} (real DNS, HTTPS and SMTP servers on loopback)",
        rows.len() - failed,
        rows.len()
    );
    Done { text, exit: exit(rows) }
}

fn in_words(seconds: i64) -> String {
    let sign = if seconds < 0 { "minus " } else { "" };
    match seconds.unsigned_abs() {
        0 => "0 s".to_owned(),
        days if days % 86_400 == 0 => format!("{sign}{} d", days / 86_400),
        seconds => format!("{sign}{seconds} s"),
    }
}
