//! The faces of the engine: each gives its own answer to the same vectors.

mod cli;
mod rust;

pub use cli::CliFace;
pub use rust::RustFace;
pub(crate) use rust::records;

use crate::vectors::{Rrset, Scenario};
use serde_json::Value;

/// A way to use the engine. Outcomes have the shape that the vectors' outcomes have.
pub trait Face {
    /// Parses a policy.
    fn policy(&mut self, body: &[u8]) -> Value;
    /// Reads the RRset of `_mta-sts`.
    fn txt(&mut self, rrset: &Rrset) -> Value;
    /// Matches a host.
    fn mx(&mut self, pattern: &str, host: &str) -> bool;
    /// Reads the RRset of `_smtp._tls`.
    fn tlsrpt(&mut self, rrset: &Rrset) -> Value;
    /// Reads a report.
    fn report(&mut self, bytes: &[u8]) -> Value;
    /// Plays a scenario; `None` if the face does not have what it needs.
    fn scenario(&mut self, scenario: &Scenario, needs: &[String]) -> Option<Value>;
}
