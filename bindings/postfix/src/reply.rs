//! Replies: a decision in the words of Postfix's TLS policy table.

use crate::zone::Asked;
use core::fmt::Write;
use mta_sts::{
    Decision, Domain, Policy,
    core::socketmap::{self, MAX_REPLY},
};
use std::collections::HashSet;

/// The word of the protocol and its space before a value.
const OK: &str = "OK ";

/// So many patterns are compared with each other; more are looked up.
const FEW_PATTERNS: usize = 16;

/// The reply to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// A TLS policy: a security level and attributes.
    Ok(String),
    /// What the map `policy` answers: a [`PolicyReply`](socketmap::PolicyReply) in its encoded form.
    Policy(Vec<u8>),
    /// There is nothing to say: Postfix goes on by its other settings.
    NotFound,
    /// Postfix defers the mail and logs the reason, which by its type cannot come from the wire.
    Temp(&'static str),
}

impl Reply {
    /// The reply as the protocol has it.
    #[must_use]
    pub fn as_socketmap(&self) -> socketmap::Reply<'_> {
        match self {
            Self::Ok(value) => socketmap::Reply::Ok(value.as_bytes()),
            Self::Policy(value) => socketmap::Reply::Ok(value),
            Self::NotFound => socketmap::Reply::NotFound,
            Self::Temp(reason) => socketmap::Reply::Temp(reason.as_bytes()),
        }
    }
}

/// What Postfix is told for a policy domain and the decision for it.
#[must_use]
pub fn reply(asked: &Asked, domain: &Domain, decision: &Decision) -> Reply {
    let policy = match decision {
        Decision::Enforce(policy) => policy,
        Decision::Testing(policy) if asked.zone.strict_testing => policy,
        // RFC 8461 §5: mail is delivered whatever the policy says.
        Decision::Testing(_) | Decision::NoPolicy => return Reply::NotFound,
    };
    secure_reply(asked, domain, policy)
}

/// What Postfix is told if this policy is enforced.
pub(crate) fn secure_reply(asked: &Asked, domain: &Domain, policy: &Policy) -> Reply {
    let patterns = patterns(policy);
    // "*.example.com" is ".example.com" to Postfix.
    let names = patterns.iter().map(|&(star, name)| (star.trim_start_matches('*'), name));
    // An empty match is an error in Postfix. To say "not found" would take the policy away.
    let Some(mut value) = secure(asked, names.filter(|(dot, name)| !dot.is_empty() || !is_keyword(name))) else {
        return Reply::Temp("the MTA-STS policy has no MX pattern that Postfix could match");
    };
    let limit = MAX_REPLY - OK.len();
    if value.len() > limit {
        return Reply::Temp("the MTA-STS policy is too long for Postfix");
    }
    if asked.tlsrpt {
        let attributes = tlsrpt(domain, policy, &patterns);
        // Half of them would be a false report, and without MX patterns a crash in some versions.
        if value.len() + attributes.len() <= limit {
            value.push_str(&attributes);
        }
    }
    Reply::Ok(value)
}

/// What Postfix is told if only these MX hosts may be used, of those that the policy names: the
/// hosts are any text. Without attributes for TLS reports, which would be of another policy.
pub(crate) fn reply_for_hosts(asked: &Asked, policy: &Policy, hosts: &[String]) -> Option<Reply> {
    // What a policy permits is a host name.
    let permitted = hosts.iter().filter(|host| policy.permits_mx(host));
    let names = permitted.map(|host| ("", host.strip_suffix('.').unwrap_or(host)));
    let value = secure(asked, names.filter(|(_, name)| !is_keyword(name)))?;
    (value.len() <= MAX_REPLY - OK.len()).then_some(Reply::Ok(value))
}

/// `None` if there are no names. Each is in two parts, in any letter case.
fn secure<'a>(asked: &Asked, names: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Option<String> {
    const START: &str = "secure match=";
    const SNI: &str = " servername=hostname";
    let octets = names.clone().map(|(dot, name)| 1 + dot.len() + name.len()).sum::<usize>();
    let mut value = String::with_capacity(START.len() + octets + SNI.len());
    value.push_str(START);
    for (i, (dot, name)) in names.enumerate() {
        value.push_str(if i > 0 { ":" } else { "" });
        value.push_str(dot);
        value.push_str(name);
    }
    value.make_ascii_lowercase();
    if asked.zone.require_sni {
        value.push_str(SNI);
    }
    (octets > 0).then_some(value)
}

/// The MX patterns in the policy's order, each once: `*.` or nothing, and the name.
fn patterns(policy: &Policy) -> Vec<(&'static str, &str)> {
    let mut patterns = Vec::with_capacity(policy.mx().len());
    let mut seen = HashSet::new();
    let has_few = policy.mx().len() <= FEW_PATTERNS;
    for pattern in policy.mx() {
        let (star, name) = (if pattern.is_wildcard() { "*." } else { "" }, pattern.name());
        let is_same = |&(other_star, other): &(&str, &str)| star == other_star && name.eq_ignore_ascii_case(other);
        let is_new = match has_few {
            true => !patterns.iter().any(is_same),
            false => seen.insert((star, name.to_ascii_lowercase())),
        };
        if is_new {
            patterns.push((star, name));
        }
    }
    patterns
}

/// To Postfix these words stand for names that come from DNS; no host of a policy is called so.
pub(crate) fn is_keyword(pattern: &str) -> bool {
    ["hostname", "nexthop", "dot-nexthop"].iter().any(|keyword| keyword.eq_ignore_ascii_case(pattern))
}

/// The attributes for TLS reports and for matching MX names, complete. RFC 8460 §4.4.
fn tlsrpt(domain: &Domain, policy: &Policy, patterns: &[(&str, &str)]) -> String {
    let mut out = format!(" policy_type=sts policy_domain={domain}");
    // Writing to a string does not fail.
    for (star, name) in patterns {
        let _ = write!(out, " mx_host_pattern={star}{name}");
    }
    // The domain is in lower case anyway.
    out.make_ascii_lowercase();
    for (name, value) in policy.safe_lines() {
        let _ = write!(out, " {{ policy_string = {name}: {value} }}");
    }
    out
}
