//! Policies.

use crate::json::{Object, Text};
use mta_sts_core::{
    Mode, Policy as CorePolicy,
    policy::{Examination, Position, Problem, ProblemKind, examine},
};
use std::sync::Arc;
use wasm_bindgen::prelude::wasm_bindgen;

/// A policy as numbers, since making objects of these in JavaScript is far cheaper than handing
/// texts across: how many numbers follow; the mode (1 enforce, 2 testing, 3 none, 0 if the policy is
/// invalid); 1 if there are problems to ask `policy_problems` for; `max_age`; and for each pattern
/// the offset of its name in the body, its length, and 1 if it is a wildcard.
#[wasm_bindgen]
#[must_use]
pub fn parse_policy(body: &[u8]) -> Vec<u32> {
    let mut numbers = Vec::with_capacity(32);
    push_policy(&mut numbers, body);
    numbers
}

/// The same for many policies at once: `ends` says where each body ends.
#[wasm_bindgen]
#[must_use]
pub fn parse_policies(bodies: &[u8], ends: &[u32]) -> Vec<u32> {
    let mut numbers = Vec::with_capacity(32 * ends.len());
    let mut start = 0;
    for &end in ends {
        let end = end as usize;
        push_policy(&mut numbers, bodies.get(start..end).unwrap_or_default());
        start = end;
    }
    numbers
}

fn push_policy(numbers: &mut Vec<u32>, body: &[u8]) {
    let head = numbers.len();
    let Examination { policy, problems, .. } = examine(body);
    match &policy {
        Ok(policy) => {
            numbers.extend([0, mode(policy.mode()), u32::from(!problems.is_empty()), policy.max_age()]);
            for pattern in policy.mx() {
                let name = pattern.name();
                // The name is a part of the policy's text, which is the body.
                let at = name.as_ptr().addr() - policy.text().as_ptr().addr();
                numbers.extend([at as u32, name.len() as u32, u32::from(pattern.is_wildcard())]);
            }
        }
        Err(_) => numbers.extend([0, 0, 1, 0]),
    }
    numbers[head] = (numbers.len() - head - 1) as u32;
}

const fn mode(mode: Mode) -> u32 {
    match mode {
        Mode::Enforce => 1,
        Mode::Testing => 2,
        Mode::None => 3,
    }
}

/// `{error: {kind, detail, at, line, column, message} or null, problems: [{kind, detail, start, end,
/// line, column}], omitted}`.
#[wasm_bindgen]
#[must_use]
pub fn policy_problems(body: &[u8]) -> String {
    let Examination { policy, problems, omitted } = examine(body);
    let error = policy.err().map(|error| {
        let Position { line, column } = Position::of(body, error.at);
        let object = Object::new().text("kind", error.kind.as_str()).raw("at", error.at);
        object.raw("line", line).raw("column", column).text("message", &error.to_string())
    });
    let problems = problems.iter().map(|problem| problem_json(body, problem));
    Object::new().optional("error", error).array("problems", problems).raw("omitted", omitted).end()
}

fn problem_json(body: &[u8], problem: &Problem) -> Object {
    let Position { line, column } = Position::of(body, problem.start);
    let detail = match problem.kind {
        ProblemKind::BadMx(kind) => Some(kind.as_str()),
        ProblemKind::Duplicate(key) => Some(key.as_str()),
        _ => None,
    };
    let object = Object::new().text("kind", problem.kind.as_str()).optional_text("detail", detail);
    object.raw("start", problem.start).raw("end", problem.end).raw("line", line).raw("column", column)
}

/// A valid policy, kept to match many hosts.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Policy(pub(crate) Arc<CorePolicy>);

#[wasm_bindgen]
impl Policy {
    /// The policy; nothing if the body is not a valid one.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Policy> {
        CorePolicy::parse(body).ok().map(|policy| Self(Arc::new(policy)))
    }

    /// Whether the MX host is permitted.
    #[must_use]
    pub fn permits(&self, host: &str) -> bool {
        self.0.permits_mx(host)
    }

    /// The pattern that permits the MX host.
    #[must_use]
    pub fn pattern(&self, host: &str) -> Option<String> {
        self.0.matching_pattern(host).map(|pattern| pattern.to_string())
    }

    /// `{mode, maxAge, mx, lines}`.
    #[must_use]
    pub fn describe(&self) -> String {
        describe(&self.0).end()
    }

    /// The body as it was served.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.0.text().to_vec()
    }
}

/// The fields of a policy, and the lines of it that may stand in other syntaxes.
pub(crate) fn describe(policy: &CorePolicy) -> Object {
    let lines = policy.safe_lines().map(|(name, value)| format!("{name}: {value}"));
    let lines: Vec<_> = lines.collect();
    let mx: Vec<_> = policy.mx().map(|pattern| pattern.to_string()).collect();
    Object::new()
        .text("mode", policy.mode().as_str())
        .raw("maxAge", policy.max_age())
        .array("mx", mx.iter().map(|pattern| Text(pattern)))
        .array("lines", lines.iter().map(|line| Text(line)))
}
