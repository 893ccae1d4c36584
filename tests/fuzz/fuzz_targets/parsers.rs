//! Any octets, through every parser.
#![no_main]

#[path = "../../src/invariants.rs"]
#[allow(dead_code)]
mod invariants;

libfuzzer_sys::fuzz_target!(|text: &[u8]| invariants::parsers(text));
