//! TXT RRsets: the records of MTA-STS and TLSRPT.

use crate::json::{Object, Text};
use mta_sts_core::{RecordError, StsRecord, TlsRptError, TlsRptRecord, TxtRecords};
use wasm_bindgen::prelude::wasm_bindgen;

/// `{id}` or `{error, at, count, message}`.
#[wasm_bindgen]
#[must_use]
pub fn parse_txt(rrset: &[u8]) -> String {
    match StsRecord::from_rrset(&records(rrset)) {
        Ok(record) => Object::new().text("id", record.id.as_str()).end(),
        Err(error) => {
            let count = if let RecordError::Several { count } = error { Some(count) } else { None };
            failed(error.as_str(), error.at(), count, &error.to_string())
        }
    }
}

/// `{rua}` or `{error, at, count, message}`.
#[wasm_bindgen]
#[must_use]
pub fn parse_tlsrpt(rrset: &[u8]) -> String {
    match TlsRptRecord::from_rrset(&records(rrset)) {
        Ok(record) => Object::new().array("rua", record.rua().iter().map(|uri| Text(uri))).end(),
        Err(error) => {
            let count = if let TlsRptError::Several { count } = error { Some(count) } else { None };
            failed(error.as_str(), error.at(), count, &error.to_string())
        }
    }
}

fn failed(error: &str, at: Option<usize>, count: Option<usize>, message: &str) -> String {
    let object = Object::new().text("error", error).optional("at", at).optional("count", count);
    object.text("message", message).end()
}

/// The RRset. What is cut off is not there; the wrapper writes it whole.
pub(crate) fn records(mut octets: &[u8]) -> TxtRecords {
    let mut rrset = TxtRecords::new();
    while let Some(strings) = number(&mut octets) {
        let mut record = Vec::new();
        for _ in 0..strings {
            let Some(len) = number(&mut octets) else { break };
            let Some((string, rest)) = octets.split_at_checked(len as usize) else { break };
            record.push(string);
            octets = rest;
        }
        rrset.push(record);
    }
    rrset
}

fn number(octets: &mut &[u8]) -> Option<u32> {
    let (number, rest) = octets.split_first_chunk()?;
    *octets = rest;
    Some(u32::from_le_bytes(*number))
}
