//! `mta-sts doctor`: looks at what MTA-STS needs here, and says what to fix.

mod dns;
mod facts;
mod finding;
mod main_cf;
mod network;
mod postfix;
mod redis;
mod server;
mod show;

use crate::{
    config::FileArg,
    exit::{Done, Exit, Stop},
    input::in_words,
    query::via::Server,
};
use facts::Facts;
use finding::{Finding, Status};
use mta_sts::{IpNet, NameServer};
use mta_sts_core::Domain;
use postfix::Postfix;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    file: FileArg,

    /// The socketmap server that Postfix is to ask, not those of the configuration: ADDRESS:PORT or
    /// unix:PATH. May be given several times.
    #[arg(long, value_name = "SERVER")]
    socket: Vec<Server>,

    /// Resolve this domain really, through DNS and its policy host. Default: health.canary of the
    /// configuration.
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    domain: Option<Domain>,

    /// The recursive name server, not those of the configuration: as "mta-sts query --dns" takes it.
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<NameServer>,

    /// A name in a signed zone, to see whether the name server validates.
    #[arg(long, value_name = "NAME", default_value = ".")]
    signed: String,

    /// Trust the CA certificates in this PEM file too, not those of the configuration.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The Redis with the policies, not that of the configuration: redis://127.0.0.1:6379/0.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,

    /// Postfix's program postconf.
    #[arg(long, value_name = "PATH", default_value = "postconf")]
    postconf: PathBuf,

    /// The port of policy hosts, not that of the configuration.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    https_port: Option<u16>,

    /// Connect to addresses of this net too, though they are not global. May be given several times.
    #[arg(long, value_name = "NET")]
    allow_net: Vec<IpNet>,
}

const AFTER_HELP: &str = "\
Exit codes:
  0   all is fine
  1   something is a risk
  2   something is broken: mail waits, or goes out without MTA-STS
  3   something could not be learnt
  64  wrong usage

Examples:
  mta-sts doctor
  mta-sts doctor --domain example.com
  mta-sts doctor --config mta-sts.toml
  mta-sts doctor --socket unix:/var/spool/postfix/mta-sts/postfix.sock --dns 127.0.0.1
  mta-sts doctor --json | jq '.checks[] | select(.status == \"fail\")'";

fn domain(text: &str) -> Result<Domain, String> {
    Domain::from_unicode(text).map_err(|error| format!("not a mail domain: {error}"))
}

pub(crate) fn run(args: &Args, json: bool) -> Result<Done, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Stop::unknown(format!("cannot start: {}", in_words(&error))))?;
    let (facts, mut findings) = facts::gather(args);
    findings.extend(runtime.block_on(look(args, &facts)));
    // Nothing that is still under way matters any more.
    runtime.shutdown_background();
    let exit = exit(&findings);
    Ok(if json { Done::json(&show::json(&findings, exit), exit) } else { Done { text: show::text(&findings), exit } })
}

async fn look(args: &Args, facts: &Facts) -> Vec<Finding> {
    let domain = args.domain.as_ref().or(facts.canary.as_ref());
    // By itself, since its time counts.
    let answers = server::ask_all(facts).await;
    let (postfix, network, redis) =
        tokio::join!(Postfix::read(&args.postconf), network::look(facts, &args.signed, domain), redis::look(facts));
    let mut findings = vec![network::clock()];
    findings.extend(network);
    findings.extend(redis);
    findings.extend(answers);
    match postfix {
        Ok(postfix) => {
            findings.extend(main_cf::look(&postfix, facts));
            findings.extend(server::rights(&postfix, facts));
        }
        Err(finding) => findings.push(finding),
    }
    findings
}

fn exit(findings: &[Finding]) -> Exit {
    let has = |status| findings.iter().any(|finding| finding.status == status);
    if has(Status::Fail) {
        Exit::Off
    } else if has(Status::Unknown) {
        Exit::Unknown
    } else if has(Status::Warn) {
        Exit::Warning
    } else {
        Exit::Fine
    }
}
