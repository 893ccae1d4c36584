//! TXT RRsets, and the record of MTA-STS.

use crate::json::Object;
use core::fmt::Display;
use mta_sts_core::{RecordError, StsRecord, TxtRecords};
use wasm_bindgen::prelude::wasm_bindgen;

/// `{id}` or `{error, at, count, message}`.
#[wasm_bindgen]
#[must_use]
pub fn parse_txt(rrset: &[u8]) -> String {
    match StsRecord::from_rrset(&records(rrset)) {
        Ok(record) => Object::new().text("id", record.id.as_str()).end(),
        Err(error) => {
            let count = if let RecordError::Several { count } = error { Some(count) } else { None };
            failed(error.as_str(), error.at(), count, &error)
        }
    }
}

pub(crate) fn failed(name: &str, at: Option<usize>, count: Option<usize>, error: &dyn Display) -> String {
    Object::new()
        .text("error", name)
        .optional_number("at", at.map(|at| at as u64))
        .optional_number("count", count.map(|count| count as u64))
        .shown("message", error)
        .end()
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
