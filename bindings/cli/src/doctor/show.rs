//! Findings, for people and for programs.

use super::finding::{Finding, Status};
use crate::{
    exit::Exit,
    output::{
        escape,
        style::{BAD, FAINT, GOOD, STRONG, WARNING},
        text::paragraph,
    },
};
use serde::Serialize;

const INDENT: usize = 9;

#[derive(Serialize)]
pub(super) struct Json<'a> {
    checks: &'a [Finding],
    exit_code: u8,
}

pub(super) fn json(findings: &[Finding], exit: Exit) -> Json<'_> {
    Json { checks: findings, exit_code: exit.code() }
}

pub(super) fn text(findings: &[Finding]) -> String {
    findings.iter().map(one).collect()
}

fn one(Finding { status, looked_at, found, means, fix, .. }: &Finding) -> String {
    let (style, word) = match status {
        Status::Ok => (GOOD, "ok"),
        Status::Warn => (WARNING, "warn"),
        Status::Fail => (BAD, "fail"),
        Status::Skip => (FAINT, "skip"),
        Status::Unknown => (WARNING, "unknown"),
    };
    // Parts of it come from other programs' output.
    let line = format!("{STRONG}{}{STRONG:#}: {}", escape::text(looked_at), escape::text(found));
    let lead = format!("{style}{word}{style:#}{}", " ".repeat(INDENT - word.len()));
    let mut text = paragraph(&lead, INDENT, &line);
    for (label, words) in [("", means), ("fix: ", fix)] {
        if let Some(words) = words {
            let words = format!("{FAINT}{label}{FAINT:#}{}", escape::text(words));
            text += &paragraph(&" ".repeat(INDENT), INDENT, &words);
        }
    }
    text
}
