//! The stable JSON of `mta-sts lint`, described in the README.

use super::subject::{Kind, Subject, Verdict};
use crate::output::escape;
use mta_sts_core::{
    Policy, lint,
    policy::{LineKind, Lines},
};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Lint<'a> {
    kind: &'static str,
    file: &'a str,
    valid: bool,
    error: Option<Error>,
    policy: Option<PolicyJson<'a>>,
    record: Option<RecordJson>,
    rua: &'a [String],
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct Error {
    kind: &'static str,
    at: Option<usize>,
    message: String,
}

#[derive(Serialize)]
pub(crate) struct PolicyJson<'a> {
    mode: &'static str,
    max_age: u32,
    mx: Vec<String>,
    extensions: Vec<Extension<'a>>,
}

#[derive(Serialize)]
struct Extension<'a> {
    name: std::borrow::Cow<'a, str>,
    value: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
struct RecordJson {
    id: String,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    code: &'static str,
    level: &'static str,
    record: usize,
    line: Option<usize>,
    column: Option<usize>,
    start: usize,
    end: usize,
    message: &'static str,
    advice: &'static str,
    reference: &'static str,
    fix: Option<&'a str>,
}

pub(super) fn of<'a>(subject: &'a Subject<'a>) -> Lint<'a> {
    let kind = match subject.kind {
        Kind::Policy => "policy",
        Kind::Record => "record",
        Kind::TlsRpt => "tlsrpt",
    };
    let findings = subject.findings().iter().map(|finding| of_finding(subject, finding)).collect();
    let error = error(&subject.verdict);
    let mut lint = Lint {
        kind,
        file: subject.file,
        valid: error.is_none(),
        error,
        policy: None,
        record: None,
        rua: &[],
        findings,
    };
    match &subject.verdict {
        Verdict::Policy(Ok(policy)) => lint.policy = Some(PolicyJson::from(policy)),
        Verdict::Record(Ok(record)) => lint.record = Some(RecordJson { id: record.id.to_string() }),
        Verdict::TlsRpt(Ok(record)) => lint.rua = record.rua(),
        _ => {}
    }
    lint
}

fn of_finding<'a>(subject: &Subject<'_>, finding: &'a lint::Finding) -> FindingJson<'a> {
    let place = subject.place(finding);
    let lint::Finding { code, level, record, start, end, message, advice, reference, .. } = *finding;
    FindingJson {
        code,
        level: level.as_str(),
        record,
        line: place.as_ref().map(|place| place.number),
        column: place.as_ref().map(|place| place.column),
        start,
        end,
        message,
        advice,
        reference,
        fix: finding.fix.as_deref(),
    }
}

impl<'a> From<&'a Policy> for PolicyJson<'a> {
    fn from(policy: &'a Policy) -> Self {
        let extensions = Lines::new(policy.text()).filter(|line| line.kind == LineKind::Extension);
        Self {
            mode: policy.mode().as_str(),
            max_age: policy.max_age(),
            mx: policy.mx().map(|pattern| pattern.to_string()).collect(),
            extensions: extensions
                .map(|line| Extension {
                    name: String::from_utf8_lossy(line.name),
                    value: String::from_utf8_lossy(line.value),
                })
                .collect(),
        }
    }
}

fn error(verdict: &Verdict) -> Option<Error> {
    let (kind, at, message) = match verdict {
        Verdict::Policy(Err(error)) => (error.kind.as_str(), Some(error.at), error.to_string()),
        Verdict::Record(Err(error)) => (error.as_str(), error.at(), error.to_string()),
        Verdict::TlsRpt(Err(error)) => (error.as_str(), error.at(), error.to_string()),
        _ => return None,
    };
    Some(Error { kind, at, message: escape::text(&message) })
}
