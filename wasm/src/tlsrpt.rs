//! The record of TLSRPT.

use crate::{
    json::{Array, Object},
    txt::{failed, records},
};
use mta_sts_core::{TlsRptError, TlsRptRecord};
use wasm_bindgen::prelude::wasm_bindgen;

/// `{rua}` or `{error, at, count, message}`.
#[wasm_bindgen]
#[must_use]
pub fn parse_tlsrpt(rrset: &[u8]) -> String {
    match TlsRptRecord::from_rrset(&records(rrset)) {
        Ok(record) => {
            let mut rua = Array::new();
            for uri in record.rua() {
                rua.text(uri);
            }
            Object::new().raw("rua", &rua.end()).end()
        }
        Err(error) => {
            let count = if let TlsRptError::Several { count } = error { Some(count) } else { None };
            failed(error.as_str(), error.at(), count, &error)
        }
    }
}
