//! What `mta-sts-core` and the socketmap server cost.
//!
//! [`inputs`] makes the texts, the same ones in every run; [`operation`] lists what is done with
//! them. The criterion bench `core` times the operations, the binary `instructions` counts them
//! under Callgrind against `budgets.json` and beside the C library ([`through_c`]), and the binary
//! `ratios` compares the parser with those of other projects. The binary [`socketmap`] loads the
//! server and others beside it. The README holds the results.
#![forbid(unsafe_code)]

pub mod inputs;
pub mod operation;
pub mod peer;
pub mod rounds;
pub mod socketmap;
pub mod through_c;
