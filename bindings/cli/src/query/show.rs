//! What was learnt, for people.

use super::{
    ask::{Host, Picture},
    help, verdict,
};
use crate::{
    exit::Exit,
    output::{
        escape,
        style::{BAD, FAINT, GOOD, STRONG, WARNING},
        text::paragraph,
        words::{date, duration, list, shortened},
    },
};
use mta_sts::{Decision, Delivery, Failure, ProbeResult, Verdict};
use mta_sts_core::{TxtRecords, lint};

const MAX_MX_SHOWN: usize = 20;

/// The labels stand in a column of this width.
const INDENT: usize = 12;

pub(super) fn text(picture: &Picture, given: &str) -> String {
    let domain = &picture.answer.domain;
    let mut text = format!("{STRONG}{domain}{STRONG:#}");
    if !given.is_ascii() {
        text += &format!(" ({})", escape::text(given));
    }
    text += "\n\n";
    text += &row("record", &record(picture));
    for line in policy(picture) {
        text += &line;
    }
    text += &hosts(picture);
    text.push('\n');
    let color = match verdict::exit(picture) {
        Exit::Fine => GOOD,
        Exit::Warning | Exit::Unknown => WARNING,
        _ => BAD,
    };
    text += &paragraph(&lead(&format!("{color}decision{color:#}"), "decision"), INDENT, &verdict::decision(picture));
    if let Some(failure) = picture.answer.failure {
        let result = picture.answer.result_type.map(|result| format!(" (TLSRPT: {result})")).unwrap_or_default();
        text += &row("problem", &format!("{failure}{result}"));
        text += &row("help", help::of(failure));
    }
    text
}

fn lead(styled: &str, plain: &str) -> String {
    format!("  {styled}{}", " ".repeat(INDENT - 2 - plain.len()))
}

fn row(label: &str, words: &str) -> String {
    paragraph(&lead(&format!("{FAINT}{label}{FAINT:#}"), label), INDENT, words)
}

fn record(Picture { answer, records, .. }: &Picture) -> String {
    let name = format!("_mta-sts.{}", answer.domain);
    let texts = match records {
        Some(records) if !records.is_empty() => records,
        _ if answer.failure == Some(Failure::DnsTemporary) => return format!("{name}: DNS did not tell"),
        _ => &TxtRecords::new(),
    };
    let texts: Vec<_> = texts.iter().map(|text| format!("\"{}\"", escape::octets(text))).collect();
    let held = answer.entry.as_ref().and_then(|entry| entry.held().map(|held| held.id));
    let id = held.or_else(|| answer.entry.as_ref().and_then(|entry| entry.failed().map(|failed| failed.id)));
    match (texts.as_slice(), id) {
        ([], None) => format!("{name} has no TXT record"),
        ([], Some(id)) => format!("id {id}"),
        (texts, Some(id)) => format!("{}, id {id}", shortened(texts.iter(), 5)),
        (texts, None) => format!("{BAD}no usable record{BAD:#}: {}", shortened(texts.iter(), 5)),
    }
}

fn policy(picture: &Picture) -> Vec<String> {
    let Picture { answer, now, .. } = picture;
    let url = answer.domain.policy_url();
    let Some((entry, held)) = answer.entry.as_ref().and_then(|entry| Some((entry, entry.held()?))) else {
        return match answer.failure {
            Some(Failure::Fetch(_)) => vec![row("policy", &format!("{BAD}none could be had{BAD:#} from {url}"))],
            _ => vec![row("policy", "not looked for without a usable record")],
        };
    };
    let policy = &held.policy;
    let mut rows = vec![row(
        "policy",
        &format!("{STRONG}mode {}{STRONG:#}, max_age {}", policy.mode(), duration(policy.max_age().into())),
    )];
    rows.push(row("", &format!("fetched just now from {url}")));
    if let Some(end) = entry.expires_at() {
        let held = match end.since(*now) {
            0 => "a sender may not hold it: it governs the delivery that fetched it".to_owned(),
            left => format!("a sender may hold it for {}, until {}", duration(left), date(end)),
        };
        rows.push(row("", &held));
    }
    let mx = shortened(policy.mx().map(|pattern| pattern.to_string()), MAX_MX_SHOWN);
    if !mx.is_empty() {
        rows.push(row("", &format!("mx {mx}")));
    }
    let worst = lint::policy(policy.text()).into_iter().map(|finding| finding.level).max();
    if let Some(level) = worst.filter(|level| *level > lint::Level::Tip) {
        let color = crate::output::style::of(level);
        rows.push(row(
            "",
            &format!("{color}{level}{color:#}: \"mta-sts lint\" has something to say about this policy"),
        ));
    }
    rows
}

fn hosts(picture: &Picture) -> String {
    let Picture { hosts, given, delivery, .. } = picture;
    let mut text = String::new();
    match delivery {
        Delivery::NullMx => text += &row("MX hosts", "none: the domain accepts no mail (null MX)"),
        _ if hosts.is_empty() => text += &row("MX hosts", "not known"),
        _ if *given => text += &row("MX hosts", "as given with --mx"),
        _ if hosts.iter().all(|host| host.preference.is_none()) => {
            text += &row("MX hosts", "no MX record, so that the domain stands for its own host");
        }
        _ => text += &row("MX hosts", "from DNS, with their preference"),
    }
    for host in hosts {
        text += &of_host(host, &picture.answer.decision);
    }
    text
}

fn of_host(host: &Host, decision: &Decision) -> String {
    let (color, word) = match (&host.verdict, host.permitted) {
        (Verdict::Refuse(_), _) => (BAD, "refused"),
        (Verdict::Skip(_) | Verdict::Dropped, _) => (WARNING, "skipped"),
        (_, Some(_)) if !host.result_types.is_empty() => (WARNING, "would fail"),
        (_, Some(true)) => (GOOD, "permitted"),
        _ => (FAINT, ""),
    };
    let preference = host.preference.map(|preference| format!("{preference} ")).unwrap_or_default();
    let mut why = Vec::new();
    match (&host.pattern, &host.reason) {
        (Some(pattern), _) => why.push(format!("by \"{pattern}\"")),
        (None, Some(reason)) => why.push(reason.clone()),
        (None, None) => {}
    }
    match host.probe {
        Some(ProbeResult::Ok { version }) => why.push(format!("{GOOD}{version} with a valid certificate{GOOD:#}")),
        Some(failed) => {
            let color = if matches!(decision, Decision::NoPolicy) { FAINT } else { BAD };
            why.push(format!("{color}{failed}{color:#}"));
        }
        None => {}
    }
    if !host.result_types.is_empty() {
        let types: Vec<_> = host.result_types.iter().map(|result| result.as_str()).collect();
        why.push(format!("TLSRPT: {}", list(&types)));
    }
    let word = if word.is_empty() { String::new() } else { format!(" {color}{word}{color:#}") };
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
    let words = format!("{STRONG}{}{STRONG:#}{word}{why}", host.shown());
    paragraph(&format!("{}{preference}", " ".repeat(INDENT)), INDENT + 4, &words)
}
