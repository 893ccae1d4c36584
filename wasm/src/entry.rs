//! Cache entries. They stay octets in JavaScript, so that any store can hold them.

use crate::{json::Object, policy::describe, time};
use mta_sts_core::{Domain, Entry, Policy, RecordId};
use wasm_bindgen::prelude::wasm_bindgen;

/// What an entry holds: `{domain, id, fetchedAt, checkedAt, expiresAt, refreshAt, live, policy}`, or
/// `{error}`: it is no entry of this domain.
#[wasm_bindgen]
#[must_use]
pub fn inspect_entry(entry: &[u8], domain: &str, now: f64) -> String {
    let now = time(now);
    let decoded = Domain::from_ascii(domain).map_err(|e| e.to_string());
    let decoded = decoded.and_then(|domain| Entry::decode(entry, &domain).map_err(|e| e.to_string()));
    let entry = match decoded {
        Ok(entry) => entry,
        Err(error) => return Object::new().text("error", &error).end(),
    };
    let held = entry.held();
    Object::new()
        .text("domain", entry.domain().as_str())
        .optional_text("id", held.map(|held| held.id.as_str()))
        .optional("fetchedAt", held.map(|held| held.fetched_at))
        .optional("checkedAt", entry.checked_at())
        .optional("expiresAt", entry.expires_at())
        .optional("refreshAt", entry.refresh_at(now))
        .raw("live", entry.live(now).is_some())
        .optional("policy", held.map(|held| describe(&held.policy)))
        .end()
}

/// The body of the policy that an entry holds.
#[wasm_bindgen]
#[must_use]
pub fn entry_body(entry: &[u8], domain: &str) -> Option<Vec<u8>> {
    let entry = Entry::decode(entry, &Domain::from_ascii(domain).ok()?).ok()?;
    entry.held().map(|held| held.policy.text().to_vec())
}

/// An entry for a policy known from elsewhere; nothing if the domain, the id or the policy is invalid.
#[wasm_bindgen]
#[must_use]
pub fn import_entry(domain: &str, id: &str, body: &[u8], fetched_at: f64, checked_at: f64) -> Option<Vec<u8>> {
    let domain = Domain::from_ascii(domain).ok()?;
    let (id, policy) = (RecordId::new(id)?, Policy::parse(body).ok()?);
    Some(Entry::import(&domain, id, policy, time(fetched_at), time(checked_at)).encode())
}
