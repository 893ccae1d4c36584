//! `mta-sts lint`.

pub(crate) mod json;
mod records;
mod show;
mod subject;

use crate::{
    exit::{Done, Exit, Stop},
    input::{self, FileArg},
};
use mta_sts_core::lint::{Finding, Level};
use subject::{Kind, Subject};

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    input: FileArg,

    /// The file holds the TXT records of _mta-sts.DOMAIN, one a line: the bare text, or in quotes
    /// as dig and zone files have it.
    #[arg(long)]
    txt: bool,

    /// The file holds the TXT records of _smtp._tls.DOMAIN, one a line.
    #[arg(long, conflicts_with = "txt")]
    tlsrpt: bool,
}

const AFTER_HELP: &str = "\
Levels: TIP advice; INTEROP some senders read it differently; RISK it will break or protects less \
than it seems; OFF senders ignore it; BLOCK senders refuse to deliver.

Exit codes: 0 fine or tips only, 1 RISK or INTEROP, 2 OFF or BLOCK, 64 wrong usage.

Examples:
  mta-sts lint mta-sts.txt
  curl -s https://mta-sts.example.com/.well-known/mta-sts.txt | mta-sts lint -
  dig +short TXT _mta-sts.example.com | mta-sts lint --txt -
  echo 'v=TLSRPTv1; rua=mailto:tls@example.com' | mta-sts lint --tlsrpt -
  mta-sts lint --json mta-sts.txt | jq '.findings[].code'";

/// More than any policy that a sender reads, so that a policy too large is seen to be.
const MAX_POLICY_FILE: usize = 1 << 20;
/// All that one DNS answer can carry, with every octet escaped.
const MAX_TXT_FILE: usize = 4 * 65_536;

pub(crate) fn run(args: &Args, json: bool) -> Result<Done, Stop> {
    let (kind, limit) = match args {
        Args { txt: true, .. } => (Kind::Record, MAX_TXT_FILE),
        Args { tlsrpt: true, .. } => (Kind::TlsRpt, MAX_TXT_FILE),
        _ => (Kind::Policy, MAX_POLICY_FILE),
    };
    let input = input::read(&args.input.file, limit)?;
    if input.cut {
        match kind {
            Kind::Policy => crate::output::remark(&format!("only the first {limit} octets of {} are read", input.name)),
            _ => return Err(Stop::usage(format!("{} has more than {limit} octets; DNS cannot carry it", input.name))),
        }
    }
    let subject = Subject::new(kind, &input)?;
    let exit = exit_for(subject.findings());
    Ok(if json { Done::json(&json::of(&subject), exit) } else { Done { text: show::text(&subject), exit } })
}

fn exit_for(findings: &[Finding]) -> Exit {
    match findings.iter().map(|finding| finding.level).max() {
        None | Some(Level::Tip) => Exit::Fine,
        Some(Level::Interop | Level::Risk) => Exit::Warning,
        Some(_) => Exit::Off,
    }
}
