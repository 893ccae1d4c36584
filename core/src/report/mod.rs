//! TLSRPT reports. RFC 8460 §4.
//!
//! Senders differ, so the reader is tolerant: it takes what real reports lack or add, keeps words
//! it does not know, and refuses only what has no meaning without it.

mod date;
mod gzip;
mod json;

use crate::{time::UnixTime, tlsrpt::ResultType};
use alloc::{string::String, vec::Vec};
use core::{error::Error, fmt};

/// One report: what one sender saw of one domain in some period.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Who reports.
    pub organization_name: Option<String>,
    /// How to reach them.
    pub contact_info: Option<String>,
    /// Their name for the report. Not unique in practice.
    pub report_id: Option<String>,
    /// The first moment of the period.
    pub start: UnixTime,
    /// The last moment of the period.
    pub end: UnixTime,
    /// What was seen, for each policy that applied.
    pub policies: Vec<PolicyReport>,
}

/// What was seen under one policy.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PolicyReport {
    /// `sts`, `tlsa`, `no-policy-found` or a word unknown here.
    pub policy_type: String,
    /// The policy as the sender knew it, line by line.
    pub policy_strings: Vec<String>,
    /// Whose policy it was; some senders leave it out.
    pub policy_domain: Option<String>,
    /// The MX patterns of an `sts` policy.
    pub mx_host: Vec<String>,
    /// Sessions that succeeded.
    pub successful_sessions: u64,
    /// Sessions that failed.
    pub failed_sessions: u64,
    /// Why they failed. The counts need not add up to `failed_sessions`.
    pub failure_details: Vec<FailureDetails>,
}

/// Sessions that failed in one way. RFC 8460 §4.3.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FailureDetails {
    /// In what way.
    pub result_type: ReportedResult,
    /// The address of the sending server.
    pub sending_mta_ip: Option<String>,
    /// The name in the MX record.
    pub receiving_mx_hostname: Option<String>,
    /// What the receiving server called itself.
    pub receiving_mx_helo: Option<String>,
    /// The address of the receiving server.
    pub receiving_ip: Option<String>,
    /// How many sessions.
    pub failed_session_count: u64,
    /// Where to read more.
    pub additional_information: Option<String>,
    /// A word or text of the sender's own.
    pub failure_reason_code: Option<String>,
}

/// A result type, known or not.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReportedResult {
    /// One of RFC 8460 §4.3.
    Known(ResultType),
    /// Another word.
    Other(String),
}

impl ReportedResult {
    /// The word that stands in the report.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(known) => known.as_str(),
            Self::Other(word) => word,
        }
    }
}

impl Report {
    /// The largest report, in octets, after decompression.
    pub const MAX_SIZE: usize = 32 * 1024 * 1024;

    /// Reads a report: JSON, plain or gzip (`application/tlsrpt+json`, `application/tlsrpt+gzip`).
    ///
    /// # Errors
    /// [`ReportError`] if it is not JSON, too large, or lacks the date range or the policies.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        if gzip::is_gzip(bytes) {
            return Self::parse_json(&gzip::decompress(bytes, Self::MAX_SIZE)?);
        }
        Self::parse_json(bytes)
    }

    fn parse_json(json: &[u8]) -> Result<Self, ReportError> {
        if json.len() > Self::MAX_SIZE {
            return Err(ReportError::TooLarge);
        }
        json::report(json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json))
    }
}

/// Why a text is not a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReportError {
    /// A date that is not RFC 3339, not even without its zone.
    BadDate,
    /// The gzip data is cut or garbled.
    Gzip,
    /// Not JSON, or a value of another kind than RFC 8460 §4.4 has there.
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// No `date-range`, or half of one.
    NoDateRange,
    /// No `policies`.
    NoPolicies,
    /// More than [`Report::MAX_SIZE`] octets.
    TooLarge,
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadDate => f.write_str("a date of the report is not RFC 3339"),
            Self::Gzip => f.write_str("the gzip data is cut or garbled"),
            Self::Json { line, column } => write!(f, "not a report in JSON: line {line}, column {column}"),
            Self::NoDateRange => f.write_str("the report has no date-range"),
            Self::NoPolicies => f.write_str("the report has no policies"),
            Self::TooLarge => write!(f, "the report has more than {} octets", Report::MAX_SIZE),
        }
    }
}

impl Error for ReportError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;

    const REPORT: &str = r#"{"organization-name":"A","date-range":{"start-datetime":"2026-05-11T02:00:00+02:00",
        "end-datetime":"2026-05-11 23:59:59"},"contact-info":null,"policies":[{"policy":{"policy-type":"sts",
        "policy-string":null,"mx-host":"mx.example"},"summary":{"total-failure-session-count":"7"},
        "failure-details":[{"result-type":"new-one","failed-session-count":7},{"result-type":"tlsa-invalid"}]}]}"#;

    #[test]
    fn what_real_reports_lack_or_add_is_taken() {
        let report = Report::parse(REPORT.as_bytes()).unwrap();
        assert_eq!((report.start, report.end), (UnixTime(1_778_457_600), UnixTime(1_778_543_999)));
        let policy = &report.policies[0];
        assert_eq!((policy.mx_host.as_slice(), policy.failed_sessions), (&["mx.example".to_owned()][..], 7));
        assert_eq!(policy.failure_details[0].result_type, ReportedResult::Other("new-one".to_owned()));
        assert_eq!(policy.failure_details[1].result_type, ReportedResult::Known(ResultType::TlsaInvalid));
    }

    #[test]
    fn objects_that_say_nothing_are_taken() {
        for nothing in ["null", "[]", "{}", "{\"other\":[{\"x\":[]}]}"] {
            let summary = REPORT.replace("{\"total-failure-session-count\":\"7\"}", nothing);
            assert_eq!(Report::parse(summary.as_bytes()).unwrap().policies[0].failed_sessions, 0, "{nothing}");
        }
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        for (text, error) in [
            ("{}", ReportError::NoDateRange),
            ("nonsense", ReportError::Json { line: 1, column: 2 }),
            (r#"{"date-range":{"start-datetime":"x","end-datetime":"y"}}"#, ReportError::BadDate),
        ] {
            assert_eq!(Report::parse(text.as_bytes()), Err(error), "{text}");
        }
        for (text, other) in [
            ("\"contact-info\":null", "\"contact-info\":null,\"contact-info\":null"),
            ("\"contact-info\":null", "\"contact-info\":1"),
            ("\"policy-string\":null", "\"policy-string\":[null]"),
            ("\"7\"", "\"x\""),
            ("\"7\"", "-7"),
            ("\"policies\":[", "\"policies\":[null,"),
        ] {
            let refused = Report::parse(REPORT.replace(text, other).as_bytes());
            assert!(matches!(refused, Err(ReportError::Json { .. })), "{other}");
        }
        let without = REPORT.replace("\"policies\"", "\"politics\"");
        assert_eq!(Report::parse(without.as_bytes()), Err(ReportError::NoPolicies));
    }
}
