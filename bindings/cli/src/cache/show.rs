//! What the cache holds, for people.

use crate::output::{
    escape,
    style::{BAD, FAINT, GOOD, STRONG, WARNING},
    words::{date, duration},
};
use anstyle::Style;
use mta_sts_core::UnixTime;
use mta_sts_postfix::{CachedDomain, Refreshed};
use unicode_width::UnicodeWidthStr;

const HEAD: [&str; 5] = ["DOMAIN", "MODE", "STATE", "EXPIRES IN", "CHECKED"];

pub(super) fn table(entries: &[CachedDomain], now: UnixTime) -> String {
    if entries.is_empty() {
        return "the cache is empty\n".to_owned();
    }
    let rows: Vec<_> = entries.iter().map(|entry| row(entry, now)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0).max(HEAD[column].len());
    let widths: [usize; 5] = core::array::from_fn(width);
    let line = |cells: [&str; 5], styles: [Style; 5]| {
        let mut line = String::new();
        for ((cell, style), width) in cells.into_iter().zip(styles).zip(widths) {
            line += &format!("{style}{cell}{style:#}{}  ", " ".repeat(width - cell.width()));
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    };
    let mut text = line(HEAD, [FAINT; 5]);
    for (cells, entry) in rows.iter().zip(entries) {
        let plain = Style::new();
        let styles = [STRONG, plain, state_style(&entry.state), plain, FAINT];
        text += &line(core::array::from_fn(|column| cells[column].as_str()), styles);
    }
    text
}

fn row(entry: &CachedDomain, now: UnixTime) -> [String; 5] {
    let left = match entry.expires_at {
        Some(end) if entry.state == "live" => duration(UnixTime(end).since(now)),
        _ => "-".to_owned(),
    };
    let checked = entry.checked_at.map_or_else(|| "-".to_owned(), |at| ago(at, now));
    let mode = entry.mode.as_deref().unwrap_or("-");
    [escape::name(&entry.domain), escape::text(mode), escape::text(&entry.state), left, checked]
}

fn state_style(state: &str) -> Style {
    match state {
        "live" => GOOD,
        "failed" => BAD,
        _ => WARNING,
    }
}

fn ago(at: u64, now: UnixTime) -> String {
    if at > now.0 { "in the future".to_owned() } else { format!("{} ago", duration(now.since(UnixTime(at)))) }
}

pub(super) fn entry(entry: &CachedDomain, now: UnixTime) -> String {
    let style = state_style(&entry.state);
    let mut text = format!("{STRONG}{}{STRONG:#}\n\n", escape::name(&entry.domain));
    let mut row = |label: &str, value: &str| {
        text += &format!("  {FAINT}{label}{FAINT:#}{}{value}\n", " ".repeat(12 - label.len()));
    };
    row("state", &format!("{style}{}{style:#}", escape::text(&entry.state)));
    for (label, value) in [("mode", &entry.mode), ("id", &entry.id)] {
        if let Some(value) = value {
            row(label, &escape::text(value));
        }
    }
    if !entry.mx.is_empty() {
        row("mx", &escape::text(&entry.mx.join(" ")));
    }
    for (label, at) in [("fetched", entry.fetched_at), ("checked", entry.checked_at)] {
        if let Some(at) = at {
            row(label, &format!("{} ({})", ago(at, now), date(UnixTime(at))));
        }
    }
    for (label, at) in [("expires", entry.expires_at), ("refresh", entry.refresh_at)] {
        if let Some(at) = at {
            let left = if at > now.0 { format!("in {}", duration(at - now.0)) } else { "due".to_owned() };
            row(label, &format!("{left} ({})", date(UnixTime(at))));
        }
    }
    if let Some(failed) = &entry.failed {
        let until = match failed.until.saturating_sub(now.0) {
            0 => String::new(),
            left => format!(", not tried again for {}", duration(left)),
        };
        let result = escape::text(&failed.result_type);
        row("failed", &format!("{}: id {}, {result}{until}", ago(failed.at, now), escape::text(&failed.id)));
    }
    for (i, line) in entry.policy.iter().enumerate() {
        row(if i == 0 { "policy" } else { "" }, &escape::text(line));
    }
    text
}

pub(super) fn refreshed(refreshed: &Refreshed, now: UnixTime) -> String {
    let from = match refreshed.source.as_str() {
        "fetched" => ", by a policy that was fetched just now",
        "checked" => ", by the cached policy, whose id DNS has confirmed",
        // RFC 8461 §3.3 suggests these five minutes between fetches.
        "cache" if refreshed.failure.is_none() => {
            ", by the cached policy, which is not fetched twice within five minutes"
        }
        "cache" => ", by the cached policy",
        _ => "",
    };
    let mut text = match &refreshed.entry {
        Some(held) => entry(held, now) + "\n",
        None => format!("{STRONG}{}{STRONG:#}\n\n", escape::name(&refreshed.domain)),
    };
    let failed = refreshed.failure.is_some() || refreshed.store_error.is_some();
    let style = if failed { WARNING } else { GOOD };
    text += &format!("  {style}decision{style:#}    {}{from}\n", escape::text(&refreshed.decision));
    for failure in refreshed.failure.iter().chain(&refreshed.store_error) {
        let result = refreshed.result_type.iter().map(|result| format!(" (TLSRPT: {})", escape::text(result)));
        text += &format!("  {BAD}problem{BAD:#}     {}{}\n", escape::text(failure), result.collect::<String>());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let entries: Vec<CachedDomain> = serde_json::from_value(serde_json::json!([
            { "domain": "a-long-name.example.com", "state": "live", "mode": "enforce", "mx": [], "expires_at": 604_800,
              "checked_at": 0 },
            { "domain": "b.test", "state": "failed", "mx": [] },
        ]))
        .unwrap();
        let text = anstream::adapter::strip_str(&table(&entries, UnixTime(86_400))).to_string();
        assert_eq!(
            text,
            "DOMAIN                   MODE     STATE   EXPIRES IN  CHECKED\n\
             a-long-name.example.com  enforce  live    6 days      1 day ago\n\
             b.test                   -        failed  -           -\n"
        );
    }
}
