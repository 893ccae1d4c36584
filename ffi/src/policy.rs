//! Policies.

use crate::{
    codes::{
        MTASTS_E_ABSENT, MTASTS_E_POLICY, MTASTS_E_TOO_LARGE, MTASTS_MODE_ENFORCE, MTASTS_MODE_NONE,
        MTASTS_MODE_TESTING, mtasts_answer, mtasts_mode, mtasts_result,
    },
    domain::answer,
    guard::{Given, Object, fill, guard, octets, opaque, out},
    text::{CText, Lazy, mtasts_str},
};
use core::{ffi::c_char, mem::MaybeUninit};
use mta_sts_core::{Mode, Policy, policy::PolicyErrorKind};
use std::sync::Arc;

/// A valid policy (RFC 8461 section 3.2).
pub struct mtasts_policy(Object<PolicyView>);

opaque!(mtasts_policy => PolicyView);

/// A policy, and the texts of it that were asked for.
pub(crate) struct PolicyView {
    pub(crate) policy: Arc<Policy>,
    patterns: Lazy<Box<[CText]>>,
    lines: Lazy<Box<[CText]>>,
}

impl PolicyView {
    pub(crate) fn new(policy: Arc<Policy>) -> Self {
        Self { policy, patterns: Lazy::new(), lines: Lazy::new() }
    }

    fn patterns(&self) -> &[CText] {
        self.patterns.get_or_init(|| self.policy.mx().map(|pattern| CText::new(&pattern.to_string())).collect())
    }

    fn lines(&self) -> &[CText] {
        let line = |(name, value)| CText::new(&format!("{name}: {value}"));
        self.lines.get_or_init(|| self.policy.safe_lines().map(line).collect())
    }
}

/// Reads a policy body of at most 65536 octets. MTASTS_E_TOO_LARGE if it is larger,
/// MTASTS_E_POLICY if it is not valid; mtasts_problems_new() says why.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_policy_parse(
    body: *const u8,
    body_len: usize,
    policy: Option<&mut MaybeUninit<*mut mtasts_policy>>,
) -> mtasts_result {
    guard(|| {
        let policy = out(policy)?;
        let parsed = Policy::parse(octets!(body, body_len)).map_err(|error| match error.kind {
            PolicyErrorKind::TooLarge => MTASTS_E_TOO_LARGE,
            _ => MTASTS_E_POLICY,
        })?;
        policy.write(mtasts_policy::boxed(PolicyView::new(Arc::new(parsed))));
        Ok(())
    })
}

/// What a sender does with a host that fails the policy.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_mode(
    policy: Option<&mtasts_policy>,
    mode: Option<&mut MaybeUninit<mtasts_mode>>,
) -> mtasts_result {
    guard(|| {
        out(mode)?.write(match policy.given()?.policy.mode() {
            Mode::Enforce => MTASTS_MODE_ENFORCE,
            Mode::Testing => MTASTS_MODE_TESTING,
            Mode::None => MTASTS_MODE_NONE,
        });
        Ok(())
    })
}

/// For how many seconds after the fetch the policy is valid; at most 31557600.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_max_age(
    policy: Option<&mtasts_policy>,
    seconds: Option<&mut MaybeUninit<u32>>,
) -> mtasts_result {
    guard(|| {
        out(seconds)?.write(policy.given()?.policy.max_age());
        Ok(())
    })
}

/// Whether the policy permits an MX host: the name in the MX record in A-labels, not the target of
/// a CNAME (RFC 8461 section 4.1). Letter case and one final dot do not matter, nor does the mode.
/// What is not a host name is not permitted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_policy_permits_mx(
    policy: Option<&mtasts_policy>,
    mx_host: *const c_char,
    mx_host_len: usize,
    permitted: Option<&mut MaybeUninit<mtasts_answer>>,
) -> mtasts_result {
    guard(|| {
        let (policy, permitted) = (policy.given()?, out(permitted)?);
        permitted.write(answer(policy.policy.permits_mx(octets!(mx_host, mx_host_len))));
        Ok(())
    })
}

/// How many valid MX patterns the policy has.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_mx_count(
    policy: Option<&mtasts_policy>,
    count: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        out(count)?.write(policy.given()?.policy.mx().len());
        Ok(())
    })
}

/// The MX pattern with an index from 0, such as "*.example.com": TLSRPT's mx-host-pattern. It
/// lives as long as the policy. MTASTS_E_ABSENT past the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_mx(
    policy: Option<&mtasts_policy>,
    index: usize,
    pattern: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let policy = policy.given()?;
        out(pattern)?.write(policy.patterns().get(index).ok_or(MTASTS_E_ABSENT)?.get());
        Ok(())
    })
}

/// How many lines the policy has that may be handed on.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_line_count(
    policy: Option<&mtasts_policy>,
    count: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        out(count)?.write(policy.given()?.lines().len());
        Ok(())
    })
}

/// The line with an index from 0, such as "mode: enforce": TLSRPT's policy-string. It lives as
/// long as the policy. MTASTS_E_ABSENT past the end.
///
/// Only lines that are safe in other syntaxes are given: the understood fields, and well-formed
/// extensions without quotes, braces and control characters.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_line(
    policy: Option<&mtasts_policy>,
    index: usize,
    line: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let policy = policy.given()?;
        out(line)?.write(policy.lines().get(index).ok_or(MTASTS_E_ABSENT)?.get());
        Ok(())
    })
}

/// The body as it was served, which may hold any octets. It goes into `buf`; with `buf` NULL and
/// `cap` 0 only `need` is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_policy_body(
    policy: Option<&mtasts_policy>,
    buf: *mut u8,
    cap: usize,
    need: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        let (policy, need) = (policy.given()?, out(need)?);
        fill!(buf, cap, need, policy.policy.text())
    })
}

/// Frees a policy.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_free(policy: Option<Box<mtasts_policy>>) {
    guard(|| {
        drop(policy);
        Ok(())
    });
}
