//! `mta-sts report`.

mod advice;
mod json;
mod show;

use crate::{
    exit::{Done, Exit, Stop},
    input::{self, FileArg},
};
use mta_sts_core::report::{Report, ReportError};

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    input: FileArg,
}

const AFTER_HELP: &str = "\
The report may be JSON or gzip, as it is attached to mail or posted over HTTPS.

Exit codes: 0 no failures, 1 failures are reported, 2 not a readable report, 64 wrong usage.

Examples:
  mta-sts report 'google.com!example.com!1700000000!1700086399!001.json.gz'
  curl -s https://reports.example.com/latest | mta-sts report -
  mta-sts report --json report.json.gz | jq '.report.policies[].failed_sessions'";

pub(crate) fn run(args: &Args, json: bool) -> Result<Done, Stop> {
    let input = input::read(&args.input.file, Report::MAX_SIZE)?;
    let report = if input.cut { Err(ReportError::TooLarge) } else { Report::parse(&input.bytes) };
    let exit = match &report {
        Ok(report) if has_failures(report) => Exit::Warning,
        Ok(_) => Exit::Fine,
        Err(_) => Exit::Off,
    };
    Ok(if json { Done::json(&json::of(&report), exit) } else { Done { text: show::text(&input.name, &report), exit } })
}

/// Either count alone says so: senders give counts that do not agree.
fn has_failures(report: &Report) -> bool {
    report.policies.iter().any(|policy| {
        policy.failed_sessions > 0 || policy.failure_details.iter().any(|failure| failure.failed_session_count > 0)
    })
}
