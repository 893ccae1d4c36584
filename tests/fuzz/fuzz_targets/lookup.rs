//! Any answers, in any order, to a lookup with a cached policy.
#![no_main]

#[path = "../../src/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use mta_sts_core::{Intent, Policy};

const POLICY: &[u8] = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n";

libfuzzer_sys::fuzz_target!(|script: (u32, u8, Vec<(u8, Vec<u8>)>)| {
    let (age, intent, answers) = script;
    let policy = Policy::parse(POLICY).expect("a valid policy");
    let intent = [Intent::Deliver, Intent::BeforeBounce, Intent::Refresh][usize::from(intent % 3)];
    invariants::lookup(policy, u64::from(age % 100_000), intent, answers);
});
