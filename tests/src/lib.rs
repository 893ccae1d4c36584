//! Runs the conformance vectors of `tests/vectors/` through every face of the engine.
#![deny(unsafe_code)]

pub mod faces;
pub mod faults;
pub mod invariants;
pub mod run;
pub mod scenario;
pub mod score;
pub mod vectors;
