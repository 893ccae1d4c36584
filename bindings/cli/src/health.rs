//! `mta-sts health`: whether a running daemon works.

use crate::{
    config::FileArg,
    exit::{Done, Exit, Stop},
    http,
    input::in_words,
    output::{
        escape,
        style::{BAD, FAINT, GOOD, STRONG},
        text::paragraph,
    },
};
use mta_sts_postfix::{Check, CheckStatus, HealthReport};
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, runtime::Builder, time::timeout};

/// The daemon answers in four seconds.
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 1 << 20;
const INDENT: usize = 9;

/// Asks a running daemon whether it works.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Where the daemon serves /healthz. Default: server.http of the configuration.
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,

    #[command(flatten)]
    file: FileArg,
}

const AFTER_HELP: &str = "\
Exit codes:
  0   all is well
  2   something fails
  3   the daemon cannot be asked
  64  wrong usage

Examples:
  mta-sts health
  mta-sts health --http 127.0.0.1:8462
  mta-sts health --json | jq '.checks[] | select(.status == \"failing\")'";

pub(crate) fn run(args: &Args, json: bool) -> Result<Done, Stop> {
    let server = server(args)?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::unknown(format!("cannot start: {}", in_words(&error))))?;
    let report = runtime.block_on(async { timeout(PATIENCE, ask(server)).await });
    let report = report.map_err(|_| Stop::unknown(format!("{server}: the daemon does not answer in 5 seconds")))??;
    let exit = if report.is_healthy() { Exit::Fine } else { Exit::Off };
    Ok(if json { Done::json(&report, exit) } else { Done { text: report.checks.iter().map(show).collect(), exit } })
}

fn server(args: &Args) -> Result<SocketAddr, Stop> {
    if let Some(http) = args.http {
        return Ok(http);
    }
    let config = args.file.load().map_err(|error| Stop::usage(error.to_string()))?;
    config.server.http.ok_or_else(|| {
        let why = "server.http is \"\", so that the daemon serves no /healthz";
        Stop::unknown(format!("{}: {why}", args.file.name()))
    })
}

async fn ask(server: SocketAddr) -> Result<HealthReport, Stop> {
    let stream = TcpStream::connect(server).await.map_err(|error| {
        Stop::unknown(format!("{server}: {}; is the daemon (\"mta-sts serve\") running?", in_words(&error)))
    })?;
    let answered = http::exchange(stream, "GET", "/healthz", MAX_ANSWER).await;
    let (_, body) = answered.map_err(|trouble| Stop::unknown(format!("{server}: {}", trouble.words())))?;
    serde_json::from_slice(&body)
        .map_err(|_| Stop::unknown(format!("{server}: what answers there is no daemon of this version")))
}

fn show(Check { name, status, detail, .. }: &Check) -> String {
    let (style, word) = match status {
        CheckStatus::Ok => (GOOD, "ok"),
        CheckStatus::Failing => (BAD, "failing"),
        CheckStatus::Off => (FAINT, "off"),
    };
    let lead = format!("{style}{word}{style:#}{}", " ".repeat(INDENT - word.len()));
    paragraph(&lead, INDENT, &format!("{STRONG}{}{STRONG:#}: {}", escape::text(name), escape::text(detail)))
}
