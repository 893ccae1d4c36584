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
    let domain = match Domain::from_ascii(domain) {
        Ok(domain) => domain,
        Err(error) => return Object::new().shown("error", &error).end(),
    };
    let entry = match Entry::decode(entry, &domain) {
        Ok(entry) => entry,
        Err(error) => return Object::new().shown("error", &error).end(),
    };
    let held = entry.held();
    Object::new()
        .text("domain", entry.domain().as_str())
        .optional_text("id", held.map(|held| held.id.as_str()))
        .optional_number("fetchedAt", held.map(|held| held.fetched_at.0))
        .optional_number("checkedAt", entry.checked_at().map(|at| at.0))
        .optional_number("expiresAt", entry.expires_at().map(|at| at.0))
        .optional_number("refreshAt", entry.refresh_at(now).map(|at| at.0))
        .boolean("live", entry.live(now).is_some())
        .raw("policy", &held.map_or_else(|| "null".to_owned(), |held| describe(&held.policy)))
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
