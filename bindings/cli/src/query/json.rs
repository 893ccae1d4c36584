//! The stable JSON of `mta-sts query`, described in the README.

use super::{
    ask::{Host, Picture},
    help, verdict,
};
use crate::{
    exit::Exit,
    lint::json::PolicyJson,
    output::{escape, words::rfc3339},
};
use mta_sts::{Decision, Delivery, Failure, FetchError, ProbeResult, Source, TlsLevel, Unreachable, Verdict};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Query<'a> {
    domain: &'a str,
    records: Option<Vec<String>>,
    id: Option<String>,
    decision: &'static str,
    source: &'static str,
    policy_url: String,
    policy: Option<PolicyJson<'a>>,
    fetched_at: Option<String>,
    expires_at: Option<String>,
    remaining_seconds: Option<u64>,
    failure: Option<FailureJson>,
    mx_source: &'static str,
    mx: Vec<HostJson<'a>>,
    delivery: DeliveryJson<'a>,
    summary: String,
    exit: u8,
}

#[derive(Serialize)]
struct FailureJson {
    kind: &'static str,
    detail: Option<&'static str>,
    at: Option<usize>,
    status: Option<u16>,
    message: String,
    help: &'static str,
    result_type: Option<&'static str>,
}

#[derive(Serialize)]
struct HostJson<'a> {
    host: &'a str,
    preference: Option<u16>,
    permitted: Option<bool>,
    pattern: Option<&'a str>,
    reason: Option<&'a str>,
    probe: Option<ProbeJson>,
    verdict: &'static str,
    tls: Option<&'static str>,
    message: String,
    result_types: Vec<&'static str>,
}

#[derive(Serialize)]
struct ProbeJson {
    ok: bool,
    kind: &'static str,
    message: String,
}

#[derive(Serialize)]
struct DeliveryJson<'a> {
    action: &'static str,
    host: Option<&'a str>,
    tls: Option<&'static str>,
    reason: Option<String>,
}

pub(super) fn of(picture: &Picture, exit: Exit) -> Query<'_> {
    let Picture { answer, records, given, hosts, delivery, now } = picture;
    let held = answer.entry.as_ref().and_then(|entry| entry.held());
    let failed = answer.entry.as_ref().and_then(|entry| entry.failed());
    let expires_at = answer.entry.as_ref().and_then(|entry| entry.expires_at());
    Query {
        domain: answer.domain.as_str(),
        records: records.as_ref().map(|records| records.iter().map(escape::for_json).collect()),
        id: held.map(|held| held.id).or_else(|| failed.map(|failed| failed.id)).map(|id| id.to_string()),
        decision: match answer.decision {
            Decision::NoPolicy => "no-policy",
            Decision::Testing(_) => "testing",
            Decision::Enforce(_) => "enforce",
        },
        source: match answer.source {
            Source::Cache => "cache",
            Source::Checked => "checked",
            Source::Fetched => "fetched",
            _ => "none",
        },
        policy_url: answer.domain.policy_url(),
        policy: held.map(|held| PolicyJson::from(&*held.policy)),
        fetched_at: held.map(|held| rfc3339(held.fetched_at)),
        expires_at: expires_at.map(rfc3339),
        remaining_seconds: expires_at.map(|end| end.since(*now)),
        failure: answer.failure.map(|failure| {
            let result_type = answer.result_type.map(|result| result.as_str());
            FailureJson { result_type, ..FailureJson::from(failure) }
        }),
        mx_source: if *given { "given" } else { "dns" },
        mx: hosts.iter().map(HostJson::from).collect(),
        delivery: DeliveryJson::from(delivery),
        summary: verdict::decision(picture),
        exit: exit.code(),
    }
}

impl From<Failure> for FailureJson {
    fn from(failure: Failure) -> Self {
        let (kind, detail, at) = match failure {
            Failure::BackOff { .. } => ("back-off", None, None),
            Failure::DnsTemporary => ("dns-temporary", None, None),
            Failure::Fetch(FetchError::Policy(error)) => ("policy", Some(error.kind.as_str()), Some(error.at)),
            Failure::Fetch(error) => ("fetch", Some(error.as_str()), None),
            Failure::Record(error) => ("record", Some(error.as_str()), error.at()),
            _ => ("other", None, None),
        };
        let status = match failure {
            Failure::Fetch(FetchError::Status(status)) => Some(status),
            _ => None,
        };
        Self { kind, detail, at, status, message: failure.to_string(), help: help::of(failure), result_type: None }
    }
}

impl<'a> From<&'a Host> for HostJson<'a> {
    fn from(host: &'a Host) -> Self {
        let (verdict, tls) = match host.verdict {
            Verdict::Deliver { tls } => ("deliver", Some(level(tls))),
            Verdict::Dropped => ("dropped", None),
            Verdict::Refuse(_) => ("refuse", None),
            Verdict::Skip(_) => ("skip", None),
            _ => ("other", None),
        };
        Self {
            host: &host.name,
            preference: host.preference,
            permitted: host.permitted,
            pattern: host.pattern.as_deref(),
            reason: host.reason.as_deref(),
            probe: host.probe.map(ProbeJson::from),
            verdict,
            tls,
            message: host.verdict.to_string(),
            result_types: host.result_types.iter().map(|result| result.as_str()).collect(),
        }
    }
}

impl From<ProbeResult> for ProbeJson {
    fn from(result: ProbeResult) -> Self {
        let kind = match result {
            ProbeResult::Ok { .. } => "ok",
            ProbeResult::Certificate(_) => "certificate",
            ProbeResult::NoStarttls => "no-starttls",
            ProbeResult::Protocol => "protocol",
            ProbeResult::TlsFailed => "tls-failed",
            ProbeResult::TlsaMismatch => "tlsa-mismatch",
            ProbeResult::Unreachable(Unreachable::Timeout) => "timeout",
            ProbeResult::Unreachable(_) => "unreachable",
            _ => "other",
        };
        Self { ok: kind == "ok", kind, message: result.to_string() }
    }
}

impl<'a> From<&'a Delivery> for DeliveryJson<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        let (action, host, tls, reason) = match delivery {
            Delivery::To { host, tls } => ("deliver", Some(host.as_str()), Some(level(*tls)), None),
            Delivery::Defer(why) => ("defer", None, None, Some(why.to_string())),
            Delivery::NullMx => ("return", None, None, Some("the domain accepts no mail (null MX)".to_owned())),
            _ => ("other", None, None, None),
        };
        Self { action, host, tls, reason }
    }
}

const fn level(tls: TlsLevel) -> &'static str {
    match tls {
        TlsLevel::Verified => "verified",
        TlsLevel::Any => "any",
        TlsLevel::Plaintext => "plaintext",
    }
}
