//! Policies.

use crate::json::{Array, Object};
use mta_sts_core::{
    Mode, Policy as CorePolicy, PolicyError,
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
    let mut object = Object::new();
    match policy {
        Ok(_) => object.null("error"),
        Err(error) => object.raw("error", &error_json(body, error)),
    };
    let mut array = Array::new();
    for problem in &problems {
        array.raw(&problem_json(body, problem));
    }
    object.raw("problems", &array.end()).size("omitted", omitted).end()
}

fn error_json(body: &[u8], error: PolicyError) -> String {
    let mut object = Object::new();
    object.text("kind", error.kind.as_str()).size("at", error.at);
    position(&mut object, body, error.at).shown("message", &error).end()
}

fn problem_json(body: &[u8], problem: &Problem) -> String {
    let detail = match problem.kind {
        ProblemKind::BadMx(kind) => Some(kind.as_str()),
        ProblemKind::Duplicate(key) => Some(key.as_str()),
        _ => None,
    };
    let mut object = Object::new();
    object.text("kind", problem.kind.as_str()).optional_text("detail", detail);
    position(object.size("start", problem.start).size("end", problem.end), body, problem.start).end()
}

fn position<'o>(object: &'o mut Object, body: &[u8], at: usize) -> &'o mut Object {
    let Position { line, column } = Position::of(body, at);
    object.size("line", line).size("column", column)
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
        describe(&self.0)
    }

    /// The body as it was served.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.0.text().to_vec()
    }
}

/// The fields of a policy; not in the slim build the lines of it that may stand in other syntaxes.
pub(crate) fn describe(policy: &CorePolicy) -> String {
    let mut mx = Array::new();
    for pattern in policy.mx() {
        mx.text(&pattern.to_string());
    }
    let mut object = Object::new();
    object.text("mode", policy.mode().as_str()).number("maxAge", policy.max_age().into()).raw("mx", &mx.end());
    #[cfg(feature = "full")]
    {
        let mut lines = Array::new();
        for (name, value) in policy.safe_lines() {
            lines.text(&[name, ": ", value].concat());
        }
        object.raw("lines", &lines.end());
    }
    object.end()
}
