//! What the daemon decided.

use crate::{
    codes::{MTASTS_E_ABSENT, mtasts_answer, mtasts_decision, mtasts_result},
    domain::answer,
    guard::{Given, Object, guard, octets, opaque, out, seconds},
    policy::{PolicyView, mtasts_policy},
    text::{CText, mtasts_str},
};
use core::{ffi::c_char, mem::MaybeUninit};
use mta_sts_core::{Policy, UnixTime};
use std::sync::Arc;

/// What the daemon decided for a domain.
pub struct mtasts_ruling(Object<Ruling>);

opaque!(mtasts_ruling => Ruling);

pub(crate) struct Ruling {
    pub(super) decision: mtasts_decision,
    pub(super) reason: CText,
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) valid_until: Option<UnixTime>,
    pub(super) confirms_bounce: bool,
}

/// What to do with mail for the domain. It counts, and not the mode of the policy: the
/// administrator may have a policy in mode "testing" enforced, or DANE comes first.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ruling_decision(
    ruling: Option<&mtasts_ruling>,
    decision: Option<&mut MaybeUninit<mtasts_decision>>,
) -> mtasts_result {
    guard(|| {
        out(decision)?.write(ruling.given()?.decision);
        Ok(())
    })
}

/// Why it was decided so, in a word for a log, such as "policy", "no-record" or "dane"; there
/// will be more words. It lives as long as the ruling.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ruling_reason(
    ruling: Option<&mtasts_ruling>,
    reason: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        out(reason)?.write(ruling.given()?.reason.get());
        Ok(())
    })
}

/// The policy that the domain has, which is there with MTASTS_DECISION_ENFORCE and
/// MTASTS_DECISION_TESTING, and may be with those of DANE. It is the caller's, and may outlive the
/// ruling. MTASTS_E_ABSENT if there is none, or it does not apply.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ruling_policy(
    ruling: Option<&mtasts_ruling>,
    policy: Option<&mut MaybeUninit<*mut mtasts_policy>>,
) -> mtasts_result {
    guard(|| {
        let (ruling, policy) = (ruling.given()?, out(policy)?);
        let held = ruling.policy.clone().ok_or(MTASTS_E_ABSENT)?;
        policy.write(mtasts_policy::boxed(PolicyView::new(held)));
        Ok(())
    })
}

/// When the policy ends, unless it is renewed before. One of the past is that of a policy for this
/// delivery alone (max_age 0). MTASTS_E_ABSENT if none is held.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ruling_valid_until(
    ruling: Option<&mtasts_ruling>,
    at: Option<&mut MaybeUninit<i64>>,
) -> mtasts_result {
    guard(|| {
        out(at)?.write(seconds(ruling.given()?.valid_until.ok_or(MTASTS_E_ABSENT)?));
        Ok(())
    })
}

/// Whether a message that failed under the policy may be returned to its sender as far as MTA-STS
/// goes (RFC 8461 sections 5 and 5.1). Never MTASTS_YES unless MTASTS_INTENT_BEFORE_BOUNCE was
/// asked with.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ruling_confirms_bounce(
    ruling: Option<&mtasts_ruling>,
    confirms: Option<&mut MaybeUninit<mtasts_answer>>,
) -> mtasts_result {
    guard(|| {
        out(confirms)?.write(answer(ruling.given()?.confirms_bounce));
        Ok(())
    })
}

/// Whether the policy permits an MX host, as mtasts_policy_permits_mx() says; MTASTS_YES if there
/// is no policy. What a MTASTS_NO means is for the decision to say: with MTASTS_DECISION_TESTING
/// it is only reported, and with MTASTS_DECISION_DANE it does not count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_ruling_permits_mx(
    ruling: Option<&mtasts_ruling>,
    mx_host: *const c_char,
    mx_host_len: usize,
    permitted: Option<&mut MaybeUninit<mtasts_answer>>,
) -> mtasts_result {
    guard(|| {
        let (ruling, permitted) = (ruling.given()?, out(permitted)?);
        let host = octets!(mx_host, mx_host_len);
        permitted.write(answer(ruling.policy.as_ref().is_none_or(|policy| policy.permits_mx(host))));
        Ok(())
    })
}

/// Frees a ruling.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ruling_free(ruling: Option<Box<mtasts_ruling>>) {
    guard(|| {
        drop(ruling);
        Ok(())
    });
}
