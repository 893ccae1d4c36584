//! A report for people.

use super::advice::{self, Advice};
use crate::output::{
    escape,
    style::{BAD, FAINT, GOOD, STRONG},
    text::paragraph,
    words::{count, date, shortened},
};
use mta_sts_core::report::{FailureDetails, PolicyReport, Report, ReportError, ReportedResult};
use std::collections::BTreeMap;

const MAX_NAMES: usize = 5;

pub(super) fn text(file: &str, report: &Result<Report, ReportError>) -> String {
    match report {
        Ok(report) => of_report(report),
        Err(error) => paragraph(&format!("{file}: "), 2, &format!("{BAD}not a readable report{BAD:#}: {error}")),
    }
}

fn of_report(report: &Report) -> String {
    let who = report.organization_name.as_deref().map_or("an unnamed sender".to_owned(), escape::text);
    let mut text = format!("{STRONG}TLS report by {who}{STRONG:#}\n");
    text += &format!("  {FAINT}period {FAINT:#} {} to {}\n", date(report.start), date(report.end));
    for (label, value) in [("contact", &report.contact_info), ("id     ", &report.report_id)] {
        if let Some(value) = value {
            text += &format!("  {FAINT}{label}{FAINT:#} {}\n", escape::text(value));
        }
    }
    for policy in &report.policies {
        text.push('\n');
        text += &of_policy(policy);
    }
    text.push('\n');
    text + &summary(report)
}

fn of_policy(policy: &PolicyReport) -> String {
    let domain = policy.policy_domain.as_deref().map_or("a domain not named".to_owned(), escape::text);
    let kind = match policy.policy_type.as_str() {
        "sts" => "under its MTA-STS policy".to_owned(),
        "tlsa" => "under its TLSA records (DANE)".to_owned(),
        "no-policy-found" => "without a policy".to_owned(),
        other => format!("under a policy of the type \"{}\"", escape::text(other)),
    };
    let PolicyReport { successful_sessions: ok, failed_sessions: failed, .. } = policy;
    let color = if *failed > 0 { BAD } else { GOOD };
    let mut text = format!("{STRONG}{domain}{STRONG:#}, {kind}\n");
    text += &format!("  {ok} sessions succeeded, {color}{failed} failed{color:#}{}\n", share(*ok, *failed));
    for (_, failures) in by_result(policy) {
        text += &of_result(&failures, policy.policy_domain.as_deref().unwrap_or("DOMAIN"));
    }
    text
}

fn share(ok: u64, failed: u64) -> String {
    let percent = failed as f64 * 100.0 / (ok as f64 + failed as f64);
    match failed {
        0 => String::new(),
        _ if percent < 0.1 => " (less than 0.1 %)".to_owned(),
        _ => format!(" ({percent:.1} %)"),
    }
}

/// The failures of each result type, the most frequent type first.
fn by_result(policy: &PolicyReport) -> Vec<(u64, Vec<&FailureDetails>)> {
    let mut groups: BTreeMap<&str, (u64, Vec<&FailureDetails>)> = BTreeMap::new();
    for failure in &policy.failure_details {
        let (sessions, failures) = groups.entry(failure.result_type.as_str()).or_default();
        *sessions = sessions.saturating_add(failure.failed_session_count);
        failures.push(failure);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(sessions, _)| core::cmp::Reverse(*sessions));
    groups
}

fn of_result(failures: &[&FailureDetails], domain: &str) -> String {
    let Some(first) = failures.first() else { return String::new() };
    let sessions = failures.iter().fold(0_u64, |sum, failure| sum.saturating_add(failure.failed_session_count));
    let Advice { meaning, what_to_do } = advice::of(&first.result_type);
    let word = match &first.result_type {
        ReportedResult::Other(word) if word.is_empty() => "no result type".to_owned(),
        word => escape::text(word.as_str()),
    };
    let mut text = format!("\n  {BAD}{word}{BAD:#}: {}\n", count(sessions, "session"));
    text += &paragraph("    ", 4, meaning);
    let facts: [(&str, Fact); 5] = [
        ("MX hosts", |failure| failure.receiving_mx_hostname.as_ref()),
        ("at", |failure| failure.receiving_ip.as_ref()),
        ("from", |failure| failure.sending_mta_ip.as_ref()),
        ("reason", |failure| failure.failure_reason_code.as_ref()),
        ("more", |failure| failure.additional_information.as_ref()),
    ];
    for (label, fact) in facts {
        let values = most_frequent(failures, fact);
        if !values.is_empty() {
            text += &paragraph(&format!("    {FAINT}{label}:{FAINT:#} "), 6, &shortened(values.iter(), MAX_NAMES));
        }
    }
    let what_to_do = what_to_do.replace("DOMAIN", &escape::text(domain));
    text + &paragraph(&format!("    {STRONG}help:{STRONG:#} "), 10, &what_to_do)
}

/// One thing that a failure may say.
type Fact = fn(&FailureDetails) -> Option<&String>;

/// The distinct values, those of the most sessions first.
fn most_frequent(failures: &[&FailureDetails], fact: Fact) -> Vec<String> {
    let mut sessions: BTreeMap<&str, u64> = BTreeMap::new();
    for failure in failures {
        if let Some(value) = fact(failure).filter(|value| !value.is_empty()) {
            let of_value = sessions.entry(value).or_default();
            *of_value = of_value.saturating_add(failure.failed_session_count);
        }
    }
    let mut values: Vec<_> = sessions.into_iter().collect();
    values.sort_by_key(|(_, sessions)| core::cmp::Reverse(*sessions));
    values.into_iter().map(|(value, _)| escape::text(value)).collect()
}

fn summary(report: &Report) -> String {
    let failed = report.policies.iter().fold(0_u64, |sum, policy| sum.saturating_add(policy.failed_sessions));
    if report.policies.is_empty() {
        return "The report lists no policy.\n".to_owned();
    }
    if super::has_failures(report) {
        return format!("{BAD}{}{BAD:#}\n", failures_in_words(failed));
    }
    format!("{GOOD}No failures.{GOOD:#}\n")
}

fn failures_in_words(failed: u64) -> String {
    match failed {
        // The counts of the sessions and of the details need not agree.
        0 => "Failures are listed, though the sender counts no failed session.".to_owned(),
        failed => format!("{} failed.", count(failed, "session")),
    }
}
