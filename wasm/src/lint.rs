//! Advice for owners of policies and records.

use crate::{
    json::{Array, Object},
    txt::records,
};
use mta_sts_core::lint::{self, Finding};
use wasm_bindgen::prelude::wasm_bindgen;

/// What the owner of a policy should know: `[{code, level, record, start, end, line, column, message,
/// advice, reference, fix}]`.
#[wasm_bindgen]
#[must_use]
pub fn lint_policy(body: &[u8]) -> String {
    findings(&lint::policy(body))
}

/// What the owner of an `_mta-sts` RRset should know. As `lint_policy`.
#[wasm_bindgen]
#[must_use]
pub fn lint_txt(rrset: &[u8]) -> String {
    findings(&lint::record(&records(rrset)))
}

/// What the owner of an `_smtp._tls` RRset should know. As `lint_policy`.
#[wasm_bindgen]
#[must_use]
pub fn lint_tlsrpt(rrset: &[u8]) -> String {
    findings(&lint::tlsrpt(&records(rrset)))
}

fn findings(findings: &[Finding]) -> String {
    let mut array = Array::new();
    for finding in findings {
        let mut object = Object::new();
        object
            .text("code", finding.code)
            .text("level", finding.level.as_str())
            .size("record", finding.record)
            .size("start", finding.start)
            .size("end", finding.end)
            .size("line", finding.line)
            .size("column", finding.column)
            .text("message", finding.message)
            .text("advice", finding.advice)
            .text("reference", finding.reference)
            .optional_text("fix", finding.fix.as_deref());
        array.raw(&object.end());
    }
    array.end()
}
