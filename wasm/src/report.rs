//! TLSRPT reports.

use crate::json::{Array, Object};
use mta_sts_core::report::{FailureDetails, PolicyReport, Report};
use wasm_bindgen::prelude::wasm_bindgen;

/// The report, plain JSON or gzip: `{organizationName, contactInfo, reportId, start, end, policies:
/// [{type, domain, strings, mxHost, successfulSessions, failedSessions, failureDetails}]}`, or
/// `{error}`. Counts that a double cannot hold are strings.
#[wasm_bindgen]
#[must_use]
pub fn parse_report(octets: &[u8]) -> String {
    let report = match Report::parse(octets) {
        Ok(report) => report,
        Err(error) => return Object::new().shown("error", &error).end(),
    };
    let mut policies = Array::new();
    for one in &report.policies {
        policies.raw(&policy(one));
    }
    Object::new()
        .optional_text("organizationName", report.organization_name.as_deref())
        .optional_text("contactInfo", report.contact_info.as_deref())
        .optional_text("reportId", report.report_id.as_deref())
        .number("start", report.start.0)
        .number("end", report.end.0)
        .raw("policies", &policies.end())
        .end()
}

fn policy(policy: &PolicyReport) -> String {
    let mut failures = Array::new();
    for failure in &policy.failure_details {
        failures.raw(&details(failure));
    }
    let mut object = Object::new();
    object
        .text("type", &policy.policy_type)
        .optional_text("domain", policy.policy_domain.as_deref())
        .raw("strings", &texts(&policy.policy_strings))
        .raw("mxHost", &texts(&policy.mx_host));
    count(&mut object, "successfulSessions", policy.successful_sessions);
    count(&mut object, "failedSessions", policy.failed_sessions);
    object.raw("failureDetails", &failures.end()).end()
}

fn details(details: &FailureDetails) -> String {
    let mut object = Object::new();
    object.text("resultType", details.result_type.as_str());
    count(&mut object, "failedSessions", details.failed_session_count);
    object
        .optional_text("sendingMtaIp", details.sending_mta_ip.as_deref())
        .optional_text("receivingMxHostname", details.receiving_mx_hostname.as_deref())
        .optional_text("receivingMxHelo", details.receiving_mx_helo.as_deref())
        .optional_text("receivingIp", details.receiving_ip.as_deref())
        .optional_text("additionalInformation", details.additional_information.as_deref())
        .optional_text("failureReasonCode", details.failure_reason_code.as_deref())
        .end()
}

/// A count, as a string where a double would round it.
fn count(object: &mut Object, key: &str, count: u64) {
    if count < 1 << 53 {
        object.number(key, count)
    } else {
        object.shown(key, &count)
    };
}

fn texts(texts: &[String]) -> String {
    let mut array = Array::new();
    for text in texts {
        array.text(text);
    }
    array.end()
}
