//! The crates themselves.

use super::Face;
use crate::{
    scenario::{RustMachine, machine, network::Network},
    vectors::{Octets, Rrset, Scenario},
};
use mta_sts_core::{MxPattern, Policy, StsRecord, TlsRptRecord, TxtRecords, UnixTime, report::Report};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// `mta-sts-core`, and for scenarios that need real servers `mta-sts` against the lab.
#[derive(Debug, Default)]
pub struct RustFace {
    network: Option<Network>,
}

impl Face for RustFace {
    fn policy(&mut self, body: &[u8]) -> Value {
        match Policy::parse(body) {
            Ok(policy) => {
                let mx: Vec<_> = policy.mx().map(|pattern| pattern.to_string()).collect();
                json!({ "ok": true, "mode": policy.mode().as_str(), "max_age": policy.max_age(), "mx": mx })
            }
            Err(_) => json!({ "ok": false, "mode": null, "max_age": null, "mx": [] }),
        }
    }

    fn txt(&mut self, rrset: &Rrset) -> Value {
        let record = StsRecord::from_rrset(&records(rrset)).ok();
        json!({ "ok": record.is_some(), "id": record.map(|record| record.id.to_string()) })
    }

    fn mx(&mut self, pattern: &str, host: &str) -> Value {
        json!({ "match": MxPattern::parse(pattern).is_ok_and(|pattern| pattern.matches(host)) })
    }

    fn tlsrpt(&mut self, rrset: &Rrset) -> Value {
        let record = TlsRptRecord::from_rrset(&records(rrset));
        json!({ "ok": record.is_ok(), "usable": record.map(|record| record.rua().to_vec()).unwrap_or_default() })
    }

    fn report(&mut self, bytes: &[u8]) -> Option<Value> {
        Some(match Report::parse(bytes) {
            Ok(report) => json!({ "ok": true, "fields": report_fields(&report) }),
            Err(_) => json!({ "ok": false, "fields": {} }),
        })
    }

    fn scenario(&mut self, scenario: &Scenario, needs: &[String]) -> Option<Value> {
        if needs == ["core"] {
            return Some(machine::play(&RustMachine, scenario));
        }
        if self.network.is_none() {
            match Network::start() {
                Ok(network) => self.network = Some(network),
                Err(error) => return Some(json!({ "error": format!("the lab cannot start: {error}") })),
            }
        }
        self.network.as_ref().map(|network| network.play(scenario))
    }
}

/// A vector's RRset as the core takes it.
pub(crate) fn records(rrset: &Rrset) -> TxtRecords {
    rrset.iter().map(|record| record.iter().map(Octets::bytes)).collect()
}

fn report_fields(report: &Report) -> Value {
    let date = |time: UnixTime| {
        let date = i64::try_from(time.0).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        date.and_then(|date| date.format(&Rfc3339).ok())
    };
    let first = report.policies.first();
    let details = || report.policies.iter().flat_map(|policy| &policy.failure_details);
    json!({
        "organization_name": report.organization_name,
        "contact_info": report.contact_info,
        "start": date(report.start),
        "end": date(report.end),
        "policies": report.policies.len(),
        "success": report.policies.iter().map(|policy| policy.successful_sessions).sum::<u64>(),
        "failure": report.policies.iter().map(|policy| policy.failed_sessions).sum::<u64>(),
        "failure_details": details().count(),
        "policy_type": first.map(|policy| &policy.policy_type),
        "policy_domain": first.map(|policy| &policy.policy_domain),
        "mx_host": first.map(|policy| &policy.mx_host),
        "result_types": details().map(|details| details.result_type.as_str()).collect::<Vec<_>>(),
    })
}
