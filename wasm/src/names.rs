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
            let object = Object::new().text("problem", error.kind.as_str()).raw("at", error.at);
            object.text("message", &error.to_string()).end()
        }
    }
}

/// `{match, why, labels?, problem?, at?, message?}`.
#[wasm_bindgen]
#[must_use]
pub fn match_mx(pattern: &str, host: &str) -> String {
    let pattern = match MxPattern::parse(pattern) {
        Ok(pattern) => pattern,
        Err(error) => {
            let object = Object::new().raw("match", false).text("why", "bad-pattern");
            let object = object.text("problem", error.kind.as_str()).raw("at", error.at);
            return object.text("message", &error.to_string()).end();
        }
    };
    let reason = pattern.explain(host);
    let object = Object::new().raw("match", pattern.matches(host)).text("why", reason.as_str());
    match reason {
        MatchReason::Depth { labels } => object.raw("labels", labels),
        MatchReason::NotAHost(error) => {
            object.text("problem", error.kind.as_str()).raw("at", error.at).text("message", &error.to_string())
        }
        _ => object,
    }
    .end()
}
