//! How a lookup ended.

use super::{Machine, mtasts_lookup};
use crate::{
    codes::{
        MTASTS_CACHE_CHECKED, MTASTS_CACHE_FAILED, MTASTS_CACHE_FETCHED, MTASTS_CACHE_KEEP, MTASTS_DECISION_ENFORCE,
        MTASTS_DECISION_NO_POLICY, MTASTS_DECISION_TESTING, MTASTS_E_ABSENT, MTASTS_E_OUT_OF_TURN,
        MTASTS_FAILURE_BACKOFF, MTASTS_FAILURE_CERTIFICATE, MTASTS_FAILURE_CONNECT, MTASTS_FAILURE_DNS,
        MTASTS_FAILURE_DNS_TEMPORARY, MTASTS_FAILURE_ENCODING, MTASTS_FAILURE_HTTP, MTASTS_FAILURE_INCOMPLETE,
        MTASTS_FAILURE_MEDIA_TYPE, MTASTS_FAILURE_NO_RECORD, MTASTS_FAILURE_NOT_ALLOWED, MTASTS_FAILURE_NOT_TRIED,
        MTASTS_FAILURE_POLICY, MTASTS_FAILURE_RECORD, MTASTS_FAILURE_SEVERAL_RECORDS, MTASTS_FAILURE_STATUS,
        MTASTS_FAILURE_TIMEOUT, MTASTS_FAILURE_TLS, MTASTS_FAILURE_TOO_LARGE, MTASTS_TLSRPT_CERTIFICATE_EXPIRED,
        MTASTS_TLSRPT_CERTIFICATE_HOST_MISMATCH, MTASTS_TLSRPT_CERTIFICATE_NOT_TRUSTED, MTASTS_TLSRPT_DANE_REQUIRED,
        MTASTS_TLSRPT_DNSSEC_INVALID, MTASTS_TLSRPT_STARTTLS_NOT_SUPPORTED, MTASTS_TLSRPT_STS_POLICY_FETCH_ERROR,
        MTASTS_TLSRPT_STS_POLICY_INVALID, MTASTS_TLSRPT_STS_WEBPKI_INVALID, MTASTS_TLSRPT_TLSA_INVALID,
        MTASTS_TLSRPT_VALIDATION_FAILURE, mtasts_answer, mtasts_cache, mtasts_decision, mtasts_failure, mtasts_result,
        mtasts_tlsrpt_result,
    },
    domain::answer,
    entry::{EntryView, mtasts_entry},
    guard::{Given, Result, guard, optional, out, seconds, time},
    policy::{PolicyView, mtasts_policy},
    text::{CText, mtasts_str},
};
use core::mem::MaybeUninit;
use mta_sts_core::{CacheOp, Decision, Entry, Failure, FetchError, Outcome, RecordError, ResultType};

impl Machine {
    fn decision(&self) -> Result<Decision> {
        self.lookup.decision().ok_or(MTASTS_E_OUT_OF_TURN)
    }

    fn outcome(&self) -> Result<&Outcome> {
        self.lookup.outcome().ok_or(MTASTS_E_OUT_OF_TURN)
    }
}

/// What to do with mail for the domain.
///
/// Before the end of the lookup this is the decision of the live cached policy, by which mail may
/// be delivered at once while the lookup goes on (RFC 8461 section 5.1). If there is none:
/// MTASTS_E_OUT_OF_TURN.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_decision(
    lookup: Option<&mtasts_lookup>,
    decision: Option<&mut MaybeUninit<mtasts_decision>>,
) -> mtasts_result {
    guard(|| {
        out(decision)?.write(match lookup.given()?.decision()? {
            Decision::NoPolicy => MTASTS_DECISION_NO_POLICY,
            Decision::Testing(_) => MTASTS_DECISION_TESTING,
            Decision::Enforce(_) => MTASTS_DECISION_ENFORCE,
        });
        Ok(())
    })
}

/// The policy of the decision. It is the caller's, and may outlive the lookup. MTASTS_E_ABSENT if
/// the decision is MTASTS_DECISION_NO_POLICY.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_policy(
    lookup: Option<&mtasts_lookup>,
    policy: Option<&mut MaybeUninit<*mut mtasts_policy>>,
) -> mtasts_result {
    guard(|| {
        let (lookup, policy) = (lookup.given()?, out(policy)?);
        match lookup.decision()? {
            Decision::Testing(applied) | Decision::Enforce(applied) => {
                policy.write(mtasts_policy::boxed(PolicyView::new(applied)));
                Ok(())
            }
            Decision::NoPolicy => Err(MTASTS_E_ABSENT),
        }
    })
}

/// What the lookup does to the cache; mtasts_lookup_apply() does it. There is no need to write if
/// it is MTASTS_CACHE_KEEP. MTASTS_E_OUT_OF_TURN before the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_cache(
    lookup: Option<&mtasts_lookup>,
    cache: Option<&mut MaybeUninit<mtasts_cache>>,
) -> mtasts_result {
    guard(|| {
        let lookup = lookup.given()?;
        out(cache)?.write(match lookup.outcome()?.cache {
            CacheOp::Fetched(_) => MTASTS_CACHE_FETCHED,
            CacheOp::Checked { .. } => MTASTS_CACHE_CHECKED,
            CacheOp::Failed(_) => MTASTS_CACHE_FAILED,
            _ => MTASTS_CACHE_KEEP,
        });
        Ok(())
    })
}

/// The entry that the cache must hold from now on. It is the caller's.
///
/// `current` is what the cache holds for the domain at this moment, not what the lookup was
/// started with, or NULL: lock, read, apply, write, unlock. Then it does not matter which of
/// several lookups is the first to end: a failure never overwrites a policy fetched meanwhile.
/// MTASTS_E_ABSENT if there is nothing to hold, MTASTS_E_OUT_OF_TURN before the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_apply(
    lookup: Option<&mtasts_lookup>,
    current: Option<&mtasts_entry>,
    now: i64,
    entry: Option<&mut MaybeUninit<*mut mtasts_entry>>,
) -> mtasts_result {
    guard(|| {
        let (lookup, current, entry) = (lookup.given()?, optional(current)?, out(entry)?);
        let now = time(now)?;
        let current = current.as_deref().map(|current| current.entry.clone());
        let op = &lookup.outcome()?.cache;
        let applied = Entry::apply(current, &lookup.domain, op, now).ok_or(MTASTS_E_ABSENT)?;
        entry.write(mtasts_entry::boxed(EntryView::new(applied)));
        Ok(())
    })
}

/// What could not be learnt. The decision stands all the same. MTASTS_E_ABSENT if nothing is
/// missing, MTASTS_E_OUT_OF_TURN before the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_failure(
    lookup: Option<&mtasts_lookup>,
    failure: Option<&mut MaybeUninit<mtasts_failure>>,
) -> mtasts_result {
    guard(|| {
        let (lookup, failure) = (lookup.given()?, out(failure)?);
        failure.write(failure_code(lookup.outcome()?.failure.as_ref().ok_or(MTASTS_E_ABSENT)?));
        Ok(())
    })
}

const fn failure_code(failure: &Failure) -> mtasts_failure {
    match failure {
        Failure::BackOff { .. } => MTASTS_FAILURE_BACKOFF,
        Failure::Record(RecordError::NotFound) => MTASTS_FAILURE_NO_RECORD,
        Failure::Record(RecordError::Several { .. }) => MTASTS_FAILURE_SEVERAL_RECORDS,
        Failure::Record(_) => MTASTS_FAILURE_RECORD,
        Failure::Fetch(why) => match why {
            FetchError::Certificate => MTASTS_FAILURE_CERTIFICATE,
            FetchError::Connect => MTASTS_FAILURE_CONNECT,
            FetchError::Dns => MTASTS_FAILURE_DNS,
            FetchError::Encoding => MTASTS_FAILURE_ENCODING,
            FetchError::Incomplete => MTASTS_FAILURE_INCOMPLETE,
            FetchError::MediaType => MTASTS_FAILURE_MEDIA_TYPE,
            FetchError::NotAllowed => MTASTS_FAILURE_NOT_ALLOWED,
            FetchError::NotTried => MTASTS_FAILURE_NOT_TRIED,
            FetchError::Policy(_) => MTASTS_FAILURE_POLICY,
            FetchError::Status(_) => MTASTS_FAILURE_STATUS,
            FetchError::Timeout => MTASTS_FAILURE_TIMEOUT,
            FetchError::Tls => MTASTS_FAILURE_TLS,
            FetchError::TooLarge => MTASTS_FAILURE_TOO_LARGE,
            _ => MTASTS_FAILURE_HTTP,
        },
        _ => MTASTS_FAILURE_DNS_TEMPORARY,
    }
}

/// The failure in words, for a log: what was looked at and what was found, without text from the
/// wire. It lives as long as the lookup. MTASTS_E_ABSENT if nothing is missing,
/// MTASTS_E_OUT_OF_TURN before the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_failure_text(
    lookup: Option<&mtasts_lookup>,
    text: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let (lookup, text) = (lookup.given()?, out(text)?);
        let why = lookup.outcome()?.failure.as_ref().ok_or(MTASTS_E_ABSENT)?;
        text.write(lookup.failure_text.get_or_init(|| CText::new(&why.to_string())).get());
        Ok(())
    })
}

/// What the failure is called in a TLSRPT report (RFC 8460 section 4.3), as libtlsrpt's number.
/// MTASTS_E_ABSENT if there is nothing to report, MTASTS_E_OUT_OF_TURN before the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_tlsrpt_result(
    lookup: Option<&mtasts_lookup>,
    result: Option<&mut MaybeUninit<mtasts_tlsrpt_result>>,
) -> mtasts_result {
    guard(|| {
        let (lookup, result) = (lookup.given()?, out(result)?);
        let reported = lookup.outcome()?.result_type().ok_or(MTASTS_E_ABSENT)?;
        result.write(match reported {
            ResultType::StarttlsNotSupported => MTASTS_TLSRPT_STARTTLS_NOT_SUPPORTED,
            ResultType::CertificateHostMismatch => MTASTS_TLSRPT_CERTIFICATE_HOST_MISMATCH,
            ResultType::CertificateNotTrusted => MTASTS_TLSRPT_CERTIFICATE_NOT_TRUSTED,
            ResultType::CertificateExpired => MTASTS_TLSRPT_CERTIFICATE_EXPIRED,
            ResultType::StsPolicyFetchError => MTASTS_TLSRPT_STS_POLICY_FETCH_ERROR,
            ResultType::StsPolicyInvalid => MTASTS_TLSRPT_STS_POLICY_INVALID,
            ResultType::StsWebpkiInvalid => MTASTS_TLSRPT_STS_WEBPKI_INVALID,
            ResultType::TlsaInvalid => MTASTS_TLSRPT_TLSA_INVALID,
            ResultType::DnssecInvalid => MTASTS_TLSRPT_DNSSEC_INVALID,
            ResultType::DaneRequired => MTASTS_TLSRPT_DANE_REQUIRED,
            _ => MTASTS_TLSRPT_VALIDATION_FAILURE,
        });
        Ok(())
    })
}

/// Before this time another lookup for a delivery is of no use. MTASTS_E_OUT_OF_TURN before the
/// end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_next_check(
    lookup: Option<&mtasts_lookup>,
    at: Option<&mut MaybeUninit<i64>>,
) -> mtasts_result {
    guard(|| {
        let lookup = lookup.given()?;
        out(at)?.write(seconds(lookup.outcome()?.next_check));
        Ok(())
    })
}

/// If a refresh failed: in how many seconds the policy in force ends, which the administrator
/// should be told (RFC 8461 sections 3.3 and 10.2). Else MTASTS_E_ABSENT; MTASTS_E_OUT_OF_TURN
/// before the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_alert(
    lookup: Option<&mtasts_lookup>,
    ends_in: Option<&mut MaybeUninit<u64>>,
) -> mtasts_result {
    guard(|| {
        let lookup = lookup.given()?;
        out(ends_in)?.write(lookup.outcome()?.alert.ok_or(MTASTS_E_ABSENT)?);
        Ok(())
    })
}

/// Whether a message that failed under the policy may be returned to its sender as far as MTA-STS
/// goes: after a lookup with MTASTS_INTENT_BEFORE_BOUNCE that found no newer policy and missed
/// nothing (RFC 8461 sections 5 and 5.1). MTASTS_E_OUT_OF_TURN before the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_confirms_bounce(
    lookup: Option<&mtasts_lookup>,
    confirms: Option<&mut MaybeUninit<mtasts_answer>>,
) -> mtasts_result {
    guard(|| {
        let lookup = lookup.given()?;
        out(confirms)?.write(answer(lookup.outcome()?.confirms_bounce()));
        Ok(())
    })
}
