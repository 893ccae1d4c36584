//! TLSRPT reports.

use crate::json::{Object, Text};
use core::fmt::{self, Display};
use mta_sts_core::report::{FailureDetails, PolicyReport, Report};
use wasm_bindgen::prelude::wasm_bindgen;

/// The report, plain JSON or gzip: `{organizationName, contactInfo, reportId, start, end, policies:
/// [{type, domain, strings, mxHost, successfulSessions, failedSessions, failureDetails}]}`, or
/// `{error}`. Counts that a double cannot hold are strings.
#[wasm_bindgen]
#[must_use]
pub fn parse_report(octets: &[u8]) -> String {
    match Report::parse(octets) {
        Ok(report) => Object::new()
            .optional_text("organizationName", report.organization_name.as_deref())
            .optional_text("contactInfo", report.contact_info.as_deref())
            .optional_text("reportId", report.report_id.as_deref())
            .raw("start", report.start)
            .raw("end", report.end)
            .array("policies", report.policies.iter().map(policy))
            .end(),
        Err(error) => Object::new().text("error", &error.to_string()).end(),
    }
}

fn policy(policy: &PolicyReport) -> Object {
    Object::new()
        .text("type", &policy.policy_type)
        .optional_text("domain", policy.policy_domain.as_deref())
        .array("strings", policy.policy_strings.iter().map(|line| Text(line)))
        .array("mxHost", policy.mx_host.iter().map(|host| Text(host)))
        .raw("successfulSessions", Count(policy.successful_sessions))
        .raw("failedSessions", Count(policy.failed_sessions))
        .array("failureDetails", policy.failure_details.iter().map(details))
}

fn details(details: &FailureDetails) -> Object {
    Object::new()
        .text("resultType", details.result_type.as_str())
        .raw("failedSessions", Count(details.failed_session_count))
        .optional_text("sendingMtaIp", details.sending_mta_ip.as_deref())
        .optional_text("receivingMxHostname", details.receiving_mx_hostname.as_deref())
        .optional_text("receivingMxHelo", details.receiving_mx_helo.as_deref())
        .optional_text("receivingIp", details.receiving_ip.as_deref())
        .optional_text("additionalInformation", details.additional_information.as_deref())
        .optional_text("failureReasonCode", details.failure_reason_code.as_deref())
}

/// A count, as a string where a double would round it.
struct Count(u64);

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1 << 53 { write!(f, "{}", self.0) } else { write!(f, "\"{}\"", self.0) }
    }
}
