//! `mta-sts match`.

mod pairs;
pub(crate) mod reason;

use crate::{
    exit::{Done, Exit, Stop},
    input::{self, Input},
    output::{
        escape,
        style::{BAD, FAINT, GOOD, STRONG},
        text::paragraph,
    },
};
use mta_sts_core::{MxPattern, Policy, PolicyError};
use serde::Serialize;
use std::{ffi::OsString, path::PathBuf};

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, override_usage = USAGE)]
pub(crate) struct Args {
    /// A pattern as in an mx line of a policy, then MX hosts as in DNS, in A-labels. With --policy
    /// hosts only.
    #[arg(value_name = "NAME", required_unless_present = "pairs")]
    names: Vec<OsString>,

    /// Match the hosts against the mx patterns of this policy file; "-" is standard input.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Read lines of a pattern, a tab and a host. A field that begins with a quote is a string as
    /// in DNS zone files, in which any octet can be written as a backslash and three digits.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "policy"])]
    pairs: Option<PathBuf>,
}

const USAGE: &str = "\
mta-sts match [OPTIONS] PATTERN HOST...
       mta-sts match [OPTIONS] --policy FILE HOST...
       mta-sts match [OPTIONS] --pairs FILE";

const AFTER_HELP: &str = "\
Exit codes: 0 all hosts match, 2 some do not, 64 wrong usage.

Examples:
  mta-sts match '*.example.com' mx1.example.com mx2.example.com
  mta-sts match --policy mta-sts.txt $(dig +short MX example.com | cut -d' ' -f2)
  printf '*.example.com\\tmx1.example.com\\n' | mta-sts match --pairs -
  mta-sts match --json '*.example.com' a.b.example.com";

const MAX_POLICY_FILE: usize = 1 << 20;
const MAX_PAIRS_FILE: usize = 64 << 20;

/// One question and its answer.
#[derive(Debug, Serialize)]
struct Answer {
    /// With a policy: the pattern that matches, if one does.
    pattern: Option<String>,
    host: String,
    #[serde(rename = "match")]
    matches: bool,
    reason: String,
}

pub(crate) fn run(args: &Args, json: bool) -> Result<Done, Stop> {
    let answers = match args {
        Args { pairs: Some(file), .. } => pairs::answers(&input::read(file, MAX_PAIRS_FILE)?, MAX_PAIRS_FILE)?,
        Args { policy: Some(file), names, .. } => {
            let Input { bytes, .. } = input::read(file, MAX_POLICY_FILE)?;
            let policy = Policy::parse(&bytes);
            octets(names).map(|host| with_policy(&policy, host)).collect()
        }
        Args { names, .. } => {
            let mut names = octets(names);
            let pattern = names.next().unwrap_or_default();
            let answers: Vec<_> = names.map(|host| with_pattern(pattern, host)).collect();
            if answers.is_empty() {
                return Err(Stop::usage("a pattern needs at least one HOST after it"));
            }
            answers
        }
    };
    let exit = if answers.iter().all(|answer| answer.matches) { Exit::Fine } else { Exit::Off };
    Ok(if json {
        Done::json(&Results { results: answers }, exit)
    } else {
        let with_patterns = args.pairs.is_some();
        Done { text: answers.iter().map(|answer| show(answer, with_patterns)).collect(), exit }
    })
}

#[derive(Serialize)]
struct Results {
    results: Vec<Answer>,
}

fn octets(names: &[OsString]) -> impl Iterator<Item = &[u8]> {
    names.iter().map(|name| name.as_encoded_bytes())
}

fn with_pattern(pattern: &[u8], host: &[u8]) -> Answer {
    let parsed = MxPattern::parse(pattern);
    Answer {
        pattern: Some(escape::for_json(pattern)),
        host: escape::for_json(host),
        matches: parsed.is_ok_and(|pattern| pattern.matches(host)),
        reason: match parsed {
            Ok(pattern) => reason::of(pattern, host),
            Err(error) => format!("the pattern is bad and matches nothing: {error}"),
        },
    }
}

fn with_policy(policy: &Result<Policy, PolicyError>, host: &[u8]) -> Answer {
    let answer = |pattern, matches, reason| Answer { pattern, host: escape::for_json(host), matches, reason };
    match policy {
        Err(error) => answer(None, false, format!("the policy is invalid, so that senders ignore it: {error}")),
        Ok(policy) => match policy.matching_pattern(host) {
            Some(pattern) => {
                let why = format!("allowed by \"{pattern}\": {}", reason::of(pattern, host));
                answer(Some(pattern.to_string()), true, why)
            }
            None => answer(None, false, reason::of_none(policy, host)),
        },
    }
}

fn show(Answer { pattern, host, matches, reason }: &Answer, with_pattern: bool) -> String {
    let verdict = if *matches { format!("{GOOD}yes{GOOD:#}") } else { format!("{BAD}no{BAD:#} ") };
    let pattern = match pattern {
        Some(pattern) if with_pattern => format!(" {FAINT}by{FAINT:#} {}", escape::name(pattern)),
        _ => String::new(),
    };
    let words = format!("{STRONG}{}{STRONG:#}{pattern}: {}", escape::name(host), escape::text(reason));
    paragraph(&format!("{verdict}  "), 7, &words)
}
