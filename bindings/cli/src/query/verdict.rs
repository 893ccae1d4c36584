//! What it all means: the exit code, and the decision in words.

use super::ask::{Host, Picture};
use crate::{exit::Exit, output::words::list};
use mta_sts::{Decision, DeferReason, Delivery, Failure, FetchError, Mode, ProbeResult, Verdict};

pub(super) fn exit(picture: &Picture) -> Exit {
    let Picture { answer, hosts, delivery, .. } = picture;
    match &answer.decision {
        Decision::NoPolicy => return without_policy(answer.failure),
        _ if matches!(delivery, Delivery::Defer(DeferReason::MxLookup(_) | DeferReason::PolicyUnknown)) => {
            return Exit::Unknown;
        }
        // RFC 7505: a domain without mail has no host to refuse.
        _ if *delivery == Delivery::NullMx => return Exit::Fine,
        _ => {}
    }
    let is_refused = |host: &Host| matches!(host.verdict, Verdict::Refuse(_));
    let is_unreachable = |host: &Host| matches!(host.verdict, Verdict::Skip(_));
    let is_fine = |host: &Host| {
        let works = !matches!(host.probe, Some(probe) if !matches!(probe, ProbeResult::Ok { .. }));
        host.permitted == Some(true) && works && matches!(host.verdict, Verdict::Deliver { .. })
    };
    if hosts.iter().all(is_fine) {
        Exit::Fine
    } else if hosts.iter().all(is_unreachable) {
        Exit::Unknown
    } else if matches!(answer.decision, Decision::Enforce(_))
        && hosts.iter().any(is_refused)
        && hosts.iter().all(|host| is_refused(host) || is_unreachable(host))
    {
        Exit::Off
    } else {
        Exit::Warning
    }
}

/// MTA-STS is off, unless that is only how it looks from here.
fn without_policy(failure: Option<Failure>) -> Exit {
    match failure {
        Some(
            Failure::DnsTemporary
            | Failure::BackOff { .. }
            | Failure::Fetch(FetchError::Timeout | FetchError::NotTried),
        ) => Exit::Unknown,
        _ => Exit::Off,
    }
}

/// What a sending server does, in a sentence or two.
pub(super) fn decision(picture: &Picture) -> String {
    let Picture { answer, hosts, delivery, .. } = picture;
    let those =
        |wanted: fn(&Host) -> bool| hosts.iter().filter(|host| wanted(host)).map(Host::shown).collect::<Vec<_>>();
    let to = those(|host| matches!(host.verdict, Verdict::Deliver { .. }));
    let refused = those(|host| matches!(host.verdict, Verdict::Refuse(_)));
    let failing = those(|host| !host.result_types.is_empty());
    match delivery {
        Delivery::NullMx => {
            return "A sending server would return the mail: the domain accepts none (null MX).".to_owned();
        }
        Delivery::Defer(DeferReason::MxLookup(why)) => {
            return format!("A sending server would try again later: the MX hosts are not known ({why}).");
        }
        _ => {}
    }
    match &answer.decision {
        Decision::Enforce(_) if to.is_empty() && refused.is_empty() => {
            "A sending server would keep the mail and try again later: no MX host can be reached.".to_owned()
        }
        Decision::Enforce(_) if to.is_empty() => {
            "A sending server would not deliver: no MX host is acceptable. Mail waits, and is returned in the end."
                .to_owned()
        }
        Decision::Enforce(_) if refused.is_empty() => {
            format!("A sending server would deliver only over verified TLS, to {}.", either(&to))
        }
        Decision::Enforce(_) => format!(
            "A sending server would deliver only over verified TLS, to {}. It refuses {}.",
            either(&to),
            list(&refused)
        ),
        Decision::Testing(_) if failing.is_empty() => {
            "A sending server would deliver over TLS where it can. In mode enforce it would deliver too.".to_owned()
        }
        Decision::Testing(_) => format!(
            "A sending server would deliver all the same and report the failures; in mode enforce it would refuse {}.",
            list(&failing)
        ),
        Decision::NoPolicy => no_policy(picture),
    }
}

fn no_policy(Picture { answer, .. }: &Picture) -> String {
    let held = answer.entry.as_ref().and_then(|entry| entry.held());
    let why = match (held, answer.failure) {
        (Some(held), _) if held.policy.mode() == Mode::None => "MTA-STS is off: the policy says mode none.",
        (_, None) => "MTA-STS is off: the domain has no record.",
        (_, failure @ Some(_)) if without_policy(failure) == Exit::Unknown => "Whether there is a policy is not known.",
        (_, Some(_)) => "MTA-STS is off for senders that hold no earlier policy; the others still apply theirs.",
    };
    format!("A sending server would deliver without demanding TLS or a valid certificate. {why}")
}

/// "a", "a or b", "a, b or c".
fn either(hosts: &[String]) -> String {
    match hosts {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        _ => hosts.concat(),
    }
}
