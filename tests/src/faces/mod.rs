//! The faces of the engine: each gives its own answer to the same vectors.

mod build;
mod c;
mod cli;
mod rust;
mod wasm;

pub use c::CFace;
pub use cli::CliFace;
pub use rust::RustFace;
pub(crate) use rust::records;
pub use wasm::WasmFace;

use crate::vectors::{Rrset, Scenario};
use serde_json::Value;

/// A way to use the engine. Outcomes have the shape that the vectors' outcomes have; one with the
/// key `error` fails its case.
pub trait Face {
    /// Parses a policy.
    fn policy(&mut self, body: &[u8]) -> Value;
    /// Reads the RRset of `_mta-sts`.
    fn txt(&mut self, rrset: &Rrset) -> Value;
    /// Matches a host.
    fn mx(&mut self, pattern: &str, host: &str) -> Value;
    /// Reads the RRset of `_smtp._tls`.
    fn tlsrpt(&mut self, rrset: &Rrset) -> Value;
    /// Reads a report; `None` if the face reads no reports.
    fn report(&mut self, bytes: &[u8]) -> Option<Value>;
    /// Plays a scenario; `None` if the face does not have what it needs.
    fn scenario(&mut self, scenario: &Scenario, needs: &[String]) -> Option<Value>;
}
