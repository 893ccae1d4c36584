//! The JSON of a report. RFC 8460 §4.4.
//!
//! One visitor reads every value: a [`Target`] says what may stand there and where it goes. Derived
//! code does the same, but is many times larger, which matters in a browser.

use super::{FailureDetails, PolicyReport, Report, ReportError, ReportedResult, date};
use crate::tlsrpt::ResultType;
use alloc::{borrow::ToOwned, string::String, vec, vec::Vec};
use core::{fmt, mem};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(super) fn report(json: &[u8]) -> Result<Report, ReportError> {
    let (mut organization_name, mut contact_info, mut report_id) = (None, None, None);
    let (mut start, mut end, mut policies) = (None, None, None);
    let target = Target::Object(vec![
        ("organization-name", Target::Text(&mut organization_name)),
        (
            "date-range",
            Target::Nullable(vec![
                ("start-datetime", Target::Text(&mut start)),
                ("end-datetime", Target::Text(&mut end)),
            ]),
        ),
        ("contact-info", Target::Text(&mut contact_info)),
        ("report-id", Target::Text(&mut report_id)),
        ("policies", Target::Policies(&mut policies)),
    ]);
    let mut json = serde_json::Deserializer::from_slice(json);
    target
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|e| ReportError::Json { line: e.line(), column: e.column() })?;
    let date = |text: Option<String>| date::parse(text.ok_or(ReportError::NoDateRange)?.trim());
    let (start, end) = (date(start)?, date(end)?);
    let policies = policies.ok_or(ReportError::NoPolicies)?;
    Ok(Report { organization_name, contact_info, report_id, start, end, policies })
}

/// Where a value goes, and so what it may be.
enum Target<'r> {
    /// A text, or null.
    Text(&'r mut Option<String>),
    /// A number, digits in a string, or null for 0.
    Count(&'r mut u64),
    /// A string, an array of strings, or null: RFC 8460 has an example of each of the first two.
    Lines(&'r mut Vec<String>),
    /// A string of such an array.
    Line(&'r mut Vec<String>),
    /// An object with these fields, and others that are skipped.
    Object(Fields<'r>),
    /// Such an object, or null, or an empty array: some languages write an empty object so.
    Nullable(Fields<'r>),
    /// An array of policies, or null.
    Policies(&'r mut Option<Vec<PolicyReport>>),
    /// An array of failures, or null.
    Failures(&'r mut Vec<FailureDetails>),
    /// Nothing: the field stands there a second time.
    Taken,
}

type Fields<'r> = Vec<(&'static str, Target<'r>)>;

fn mismatch<T, E: Error>() -> Result<T, E> {
    Err(E::custom("a value of another kind"))
}

impl<'de> DeserializeSeed<'de> for Target<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

// Every method that JSON can call is here: serde's own ones would describe each value in words.
impl<'de> Visitor<'de> for Target<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        mismatch()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        mismatch()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        mismatch()
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        let Target::Count(count) = self else { return mismatch() };
        *count = number;
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self {
            Target::Text(target) => *target = Some(text.to_owned()),
            Target::Lines(lines) | Target::Line(lines) => lines.push(text.to_owned()),
            Target::Count(count) => match text.parse() {
                Ok(number) => *count = number,
                Err(_) => return mismatch(),
            },
            _ => return mismatch(),
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self {
            Target::Object(_) | Target::Line(_) | Target::Taken => mismatch(),
            _ => Ok(()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        match self {
            Target::Lines(lines) => while items.next_element_seed(Target::Line(lines))?.is_some() {},
            Target::Policies(policies) => *policies = Some(read_policies(items)?),
            Target::Failures(failures) => *failures = read_failures(items)?,
            Target::Nullable(_) if items.next_element::<IgnoredAny>()?.is_none() => {}
            _ => return mismatch(),
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (Target::Object(mut fields) | Target::Nullable(mut fields)) = self else { return mismatch() };
        while let Some(known) = map.next_key_seed(Name(&fields))? {
            match known {
                Some(field) => match mem::replace(&mut fields[field].1, Target::Taken) {
                    Target::Taken => return mismatch(),
                    target => map.next_value_seed(target)?,
                },
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

fn read_policies<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Vec<PolicyReport>, A::Error> {
    let mut policies = Vec::new();
    loop {
        let (mut policy_type, mut policy_domain) = (None, None);
        let (mut policy_strings, mut mx_host, mut mx_host_pattern) = (Vec::new(), Vec::new(), Vec::new());
        let (mut successful_sessions, mut failed_sessions, mut failure_details) = (0, 0, Vec::new());
        let target = Target::Object(vec![
            (
                "policy",
                Target::Nullable(vec![
                    ("policy-type", Target::Text(&mut policy_type)),
                    ("policy-string", Target::Lines(&mut policy_strings)),
                    ("policy-domain", Target::Text(&mut policy_domain)),
                    ("mx-host", Target::Lines(&mut mx_host)),
                    // The name that RFC 8460 §4.4 gives in its text; its examples have `mx-host`.
                    ("mx-host-pattern", Target::Lines(&mut mx_host_pattern)),
                ]),
            ),
            (
                "summary",
                Target::Nullable(vec![
                    ("total-successful-session-count", Target::Count(&mut successful_sessions)),
                    ("total-failure-session-count", Target::Count(&mut failed_sessions)),
                ]),
            ),
            ("failure-details", Target::Failures(&mut failure_details)),
        ]);
        if items.next_element_seed(target)?.is_none() {
            return Ok(policies);
        }
        mx_host.append(&mut mx_host_pattern);
        let policy_type = policy_type.unwrap_or_else(|| "no-policy-found".to_owned());
        policies.push(PolicyReport {
            policy_type,
            policy_strings,
            policy_domain,
            mx_host,
            successful_sessions,
            failed_sessions,
            failure_details,
        });
    }
}

fn read_failures<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Vec<FailureDetails>, A::Error> {
    let mut failures = Vec::new();
    loop {
        let mut word = None;
        let mut failure = FailureDetails {
            result_type: ReportedResult::Other(String::new()),
            sending_mta_ip: None,
            receiving_mx_hostname: None,
            receiving_mx_helo: None,
            receiving_ip: None,
            failed_session_count: 0,
            additional_information: None,
            failure_reason_code: None,
        };
        let target = Target::Object(vec![
            ("result-type", Target::Text(&mut word)),
            ("sending-mta-ip", Target::Text(&mut failure.sending_mta_ip)),
            ("receiving-mx-hostname", Target::Text(&mut failure.receiving_mx_hostname)),
            ("receiving-mx-helo", Target::Text(&mut failure.receiving_mx_helo)),
            ("receiving-ip", Target::Text(&mut failure.receiving_ip)),
            ("failed-session-count", Target::Count(&mut failure.failed_session_count)),
            ("additional-information", Target::Text(&mut failure.additional_information)),
            ("failure-reason-code", Target::Text(&mut failure.failure_reason_code)),
        ]);
        if items.next_element_seed(target)?.is_none() {
            return Ok(failures);
        }
        let word = word.unwrap_or_default();
        let known = ResultType::ALL.into_iter().find(|known| known.as_str() == word);
        failure.result_type = known.map_or(ReportedResult::Other(word), ReportedResult::Known);
        failures.push(failure);
    }
}

/// A name, as the index of the field it names, if it is a known one.
struct Name<'a, 'r>(&'a Fields<'r>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|(known, _)| *known == name))
    }
}
