//! Policy domains and MX patterns.

use crate::json::Object;
use mta_sts_core::{Domain, MxPattern, mx::MatchReason};
use wasm_bindgen::prelude::wasm_bindgen;

/// The version of the engine.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// `{domain, txtName, policyHost, policyUrl}` or `{problem, at, message}`.
#[wasm_bindgen]
#[must_use]
pub fn check_domain(name: &str) -> String {
    match Domain::from_ascii(name) {
        Ok(domain) => Object::new()
            .text("domain", domain.as_str())
            .text("txtName", &domain.txt_name())
            .text("policyHost", &domain.policy_host())
            .text("policyUrl", &domain.policy_url())
            .end(),
        Err(error) => {
            Object::new().text("problem", error.kind.as_str()).size("at", error.at).shown("message", &error).end()
        }
    }
}

/// `{match, why, labels?, problem?, at?, message?}`.
#[wasm_bindgen]
#[must_use]
pub fn match_mx(pattern: &str, host: &str) -> String {
    let mut object = Object::new();
    let error = match MxPattern::parse(pattern) {
        Ok(pattern) => {
            let reason = pattern.explain(host);
            object.boolean("match", pattern.matches(host)).text("why", reason.as_str());
            if let MatchReason::Depth { labels } = reason {
                object.size("labels", labels);
            }
            if let MatchReason::NotAHost(error) = reason { Some(error) } else { None }
        }
        Err(error) => {
            object.boolean("match", false).text("why", "bad-pattern");
            Some(error)
        }
    };
    if let Some(error) = error {
        object.text("problem", error.kind.as_str()).size("at", error.at).shown("message", &error);
    }
    object.end()
}
