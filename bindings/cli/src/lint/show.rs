//! Findings and the verdict for people.

use super::subject::{Place, Subject, Verdict};
use crate::output::{
    escape,
    snippet::Snippet,
    style::{self, BAD, FAINT, GOOD, STRONG},
    text::{paragraph, width},
    words::{count, duration, shortened},
};
use core::fmt::Write;
use mta_sts_core::{
    Mode, Policy, RecordError, TlsRptError,
    lint::{Finding, Level},
};

/// The verdict says enough of the rest.
const MAX_SHOWN: usize = 100;
const MAX_MX_SHOWN: usize = 12;

pub(super) fn text(subject: &Subject<'_>) -> String {
    let findings = subject.findings();
    let mut text = String::new();
    for finding in findings.iter().take(MAX_SHOWN) {
        text += &one(subject, finding);
        text.push('\n');
    }
    let more = findings.len().saturating_sub(MAX_SHOWN) + subject.omitted;
    if more > 0 {
        text += &format!("and {}\n\n", count(more as u64, "more finding"));
    }
    text + &summary(subject)
}

fn one(subject: &Subject<'_>, finding: &Finding) -> String {
    let Finding { code, level, message, advice, reference, fix, .. } = finding;
    let color = style::of(*level);
    let place = subject.place(finding);
    let position = place.as_ref().map(|place| format!(":{}:{}", place.number, place.column)).unwrap_or_default();
    let mut text = format!("{color}{level}{color:#} {STRONG}{code}{STRONG:#} {}{position}\n", subject.file);
    if let Some(Place { number, line, span, .. }) = place {
        text += &Snippet { number, line, span }.render(width(), color);
    }
    text += &paragraph("  ", 2, message);
    text += &paragraph(&format!("  {STRONG}help:{STRONG:#} "), 8, advice);
    if let Some(fix) = fix {
        text += &format!("  {STRONG}fix:{STRONG:#}  put \"{}\" there\n", escape::text(fix));
    }
    text + &format!("  {FAINT}see:  {reference}{FAINT:#}\n")
}

fn summary(subject: &Subject<'_>) -> String {
    let valid = |what: String| format!("{GOOD}valid{GOOD:#}: {what}");
    let invalid = |why: String, so: &str| format!("{BAD}invalid{BAD:#}: {why}; {so}");
    let verdict = match &subject.verdict {
        Verdict::Policy(Ok(policy)) => valid(policy_in_words(policy)),
        Verdict::Policy(Err(error)) => invalid(error.kind.to_string(), "senders ignore this policy"),
        Verdict::Record(Ok(record)) => valid(format!("id {}", record.id)),
        Verdict::Record(Err(RecordError::Syntax { kind, .. })) => {
            invalid(kind.to_string(), "senders ignore the record")
        }
        Verdict::Record(Err(error)) => invalid(error.to_string(), "senders look for no policy"),
        Verdict::TlsRpt(Ok(record)) => {
            let destinations = record.rua().iter().map(|uri| escape::text(uri));
            valid(format!("reports go to {}", shortened(destinations, MAX_MX_SHOWN)))
        }
        Verdict::TlsRpt(Err(TlsRptError::Syntax { kind, .. })) => {
            invalid(kind.to_string(), "senders ignore the record")
        }
        Verdict::TlsRpt(Err(error)) => invalid(error.to_string(), "senders send no reports"),
    };
    let mut summary = paragraph(&format!("{}: ", subject.file), 2, &verdict);
    let counts = counts(subject.findings());
    if !counts.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(summary, "{counts}");
    }
    summary
}

fn policy_in_words(policy: &Policy) -> String {
    let mode = match policy.mode() {
        Mode::Enforce => "mode enforce (senders refuse hosts that fail)",
        Mode::Testing => "mode testing (senders deliver all the same and report)",
        Mode::None => "mode none (senders act as if there were no policy)",
    };
    let max_age = duration(policy.max_age().into());
    let mx = shortened(policy.mx().map(|pattern| pattern.to_string()), MAX_MX_SHOWN);
    let mx = if mx.is_empty() { "no mx".to_owned() } else { format!("mx {mx}") };
    format!("{mode}, max_age {max_age}, {mx}")
}

/// "1 OFF, 2 TIP", the worst first.
fn counts(findings: &[Finding]) -> String {
    let of_level = |level: Level| {
        let color = style::of(level);
        let number = findings.iter().filter(|finding| finding.level == level).count();
        (number > 0).then(|| format!("{color}{number} {level}{color:#}"))
    };
    let levels = [Level::Block, Level::Off, Level::Risk, Level::Interop, Level::Tip];
    levels.into_iter().filter_map(of_level).collect::<Vec<_>>().join(", ")
}
