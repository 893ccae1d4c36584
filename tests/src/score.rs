//! Compares what came out with what must.

use crate::vectors::Case;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// How a case ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// As expected, or as is acceptable.
    Passed,
    /// Otherwise, in a case that is not scored.
    Differs,
    /// Otherwise.
    Failed,
}

/// Scores the outcome of a case.
#[must_use]
pub fn score(case: &Case, got: &Value) -> Verdict {
    let agrees = match (case.expect.get("steps"), got.get("steps")) {
        (Some(Value::Array(expected)), Some(Value::Array(got))) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| outcome_agrees(expected, got))
        }
        _ => outcome_agrees(&case.expect, got),
    };
    match case.strictness() {
        _ if agrees => Verdict::Passed,
        "either" => Verdict::Differs,
        _ => Verdict::Failed,
    }
}

/// Whether `got` is the outcome that is preferred, or one that is acceptable.
fn outcome_agrees(expected: &Value, got: &Value) -> bool {
    let acceptable = expected["acceptable"].as_array().map(Vec::as_slice).unwrap_or_default();
    got.get("error").is_none() && std::iter::once(expected).chain(acceptable).any(|outcome| matches(outcome, got))
}

/// Whether each key of `outcome` agrees. A key that is absent is not checked; null is a value.
fn matches(outcome: &Value, got: &Value) -> bool {
    let Value::Object(outcome) = outcome else { return false };
    checked(outcome).all(|(key, expected)| key_agrees(key, expected, got))
}

fn checked(outcome: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let information = ["strictness", "acceptable", "note"];
    outcome.iter().map(|(key, value)| (key.as_str(), value)).filter(move |(key, _)| !information.contains(key))
}

fn key_agrees(key: &str, expected: &Value, got: &Value) -> bool {
    let value = &got[key];
    match key {
        "mx" | "mx_host" | "result_types" => folded_set(expected) == folded_set(value),
        "fields" => matches(expected, value),
        "start" | "end" => instant(expected).is_some() && instant(expected) == instant(value),
        // Every tolerated type is listed.
        "tlsrpt_result_types" => {
            let got = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let tolerated = |t: &Value| expected.as_array().is_some_and(|list| list.contains(t));
            if got.is_empty() { tolerated(&Value::Null) } else { got.iter().all(tolerated) }
        }
        "http_requests_max" => got["http_requests"].as_u64() <= expected.as_u64(),
        "queried" => names(expected).is_subset(&names(&got["asked"])),
        "not_queried" => names(expected).is_disjoint(&names(&got["asked"])),
        _ => expected == value,
    }
}

fn folded_set(list: &Value) -> BTreeSet<String> {
    names(list).into_iter().map(|name| name.to_ascii_lowercase()).collect()
}

fn names(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
}

fn instant(date: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(date.as_str()?, &Rfc3339).ok()
}

/// What of an outcome a reader wants to see in one line: the keys that the case checks.
#[must_use]
pub fn shown(case: &Case, got: &Value) -> (String, String) {
    fn only(outcome: &Value, of: &Value) -> Value {
        let Value::Object(keys) = of else { return Value::Null };
        checked(keys)
            .map(|(key, value)| {
                let shown = if key == "fields" { only(&outcome[key], value) } else { outcome[key].clone() };
                (key.to_owned(), shown)
            })
            .collect()
    }
    match (case.expect.get("steps"), got.get("steps")) {
        (Some(Value::Array(expected)), Some(Value::Array(steps))) => {
            let differing = expected.iter().zip(steps).position(|(e, g)| !outcome_agrees(e, g));
            let n = differing.unwrap_or_default();
            let shown_got = match steps[n].get("error") {
                Some(error) => json!({ "step": n, "error": error }),
                None => json!({ "step": n, "got": only(&steps[n], &expected[n]) }),
            };
            (only(&expected[n], &expected[n]).to_string(), shown_got.to_string())
        }
        _ if got.get("error").is_some() => (only(&case.expect, &case.expect).to_string(), got.to_string()),
        _ => (only(&case.expect, &case.expect).to_string(), only(got, &case.expect).to_string()),
    }
}
