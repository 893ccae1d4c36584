//! The stable JSON of `mta-sts report`, described in the README.

use crate::output::words::rfc3339;
use mta_sts_core::report::{FailureDetails, PolicyReport, Report, ReportError};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Answer<'a> {
    valid: bool,
    error: Option<Error>,
    report: Option<ReportJson<'a>>,
}

#[derive(Serialize)]
struct Error {
    kind: &'static str,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
}

#[derive(Serialize)]
struct ReportJson<'a> {
    organization_name: Option<&'a str>,
    contact_info: Option<&'a str>,
    report_id: Option<&'a str>,
    start: String,
    end: String,
    policies: Vec<PolicyJson<'a>>,
}

#[derive(Serialize)]
struct PolicyJson<'a> {
    policy_type: &'a str,
    policy_domain: Option<&'a str>,
    policy_strings: &'a [String],
    mx_host: &'a [String],
    successful_sessions: u64,
    failed_sessions: u64,
    failure_details: Vec<FailureJson<'a>>,
}

#[derive(Serialize)]
struct FailureJson<'a> {
    result_type: &'a str,
    sending_mta_ip: Option<&'a str>,
    receiving_mx_hostname: Option<&'a str>,
    receiving_mx_helo: Option<&'a str>,
    receiving_ip: Option<&'a str>,
    failed_session_count: u64,
    additional_information: Option<&'a str>,
    failure_reason_code: Option<&'a str>,
}

pub(super) fn of(report: &Result<Report, ReportError>) -> Answer<'_> {
    match report {
        Ok(report) => Answer { valid: true, error: None, report: Some(ReportJson::from(report)) },
        Err(error) => Answer { valid: false, error: Some(Error::from(*error)), report: None },
    }
}

impl From<ReportError> for Error {
    fn from(error: ReportError) -> Self {
        let (kind, place) = match error {
            ReportError::BadDate => ("bad-date", None),
            ReportError::Gzip => ("gzip", None),
            ReportError::Json { line, column } => ("json", Some((line, column))),
            ReportError::NoDateRange => ("no-date-range", None),
            ReportError::NoPolicies => ("no-policies", None),
            ReportError::TooLarge => ("too-large", None),
            _ => ("other", None),
        };
        Self {
            kind,
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            message: error.to_string(),
        }
    }
}

impl<'a> From<&'a Report> for ReportJson<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            organization_name: report.organization_name.as_deref(),
            contact_info: report.contact_info.as_deref(),
            report_id: report.report_id.as_deref(),
            start: rfc3339(report.start),
            end: rfc3339(report.end),
            policies: report.policies.iter().map(PolicyJson::from).collect(),
        }
    }
}

impl<'a> From<&'a PolicyReport> for PolicyJson<'a> {
    fn from(policy: &'a PolicyReport) -> Self {
        Self {
            policy_type: &policy.policy_type,
            policy_domain: policy.policy_domain.as_deref(),
            policy_strings: &policy.policy_strings,
            mx_host: &policy.mx_host,
            successful_sessions: policy.successful_sessions,
            failed_sessions: policy.failed_sessions,
            failure_details: policy.failure_details.iter().map(FailureJson::from).collect(),
        }
    }
}

impl<'a> From<&'a FailureDetails> for FailureJson<'a> {
    fn from(failure: &'a FailureDetails) -> Self {
        Self {
            result_type: failure.result_type.as_str(),
            sending_mta_ip: failure.sending_mta_ip.as_deref(),
            receiving_mx_hostname: failure.receiving_mx_hostname.as_deref(),
            receiving_mx_helo: failure.receiving_mx_helo.as_deref(),
            receiving_ip: failure.receiving_ip.as_deref(),
            failed_session_count: failure.failed_session_count,
            additional_information: failure.additional_information.as_deref(),
            failure_reason_code: failure.failure_reason_code.as_deref(),
        }
    }
}
