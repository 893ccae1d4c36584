//! What the daemon's reply means.

use super::{question::Problem, ruling::Ruling};
use crate::{
    codes::{
        MTASTS_DECISION_DANE, MTASTS_DECISION_DANE_ONLY, MTASTS_DECISION_ENFORCE, MTASTS_DECISION_NO_POLICY,
        MTASTS_DECISION_TESTING,
    },
    text::CText,
};
use mta_sts_core::{
    Domain, Entry, Mode,
    socketmap::{Frame, MAX_REPLY, PolicyDecision, PolicyReply, Reply, decode},
};

const GARBLED: &str = "the reply is garbled, or not one of mta-sts serve";

/// Of the daemon's own words no more is shown.
const MAX_WORDS: usize = 200;

/// Why a reply is no ruling.
pub(super) enum NoRuling {
    /// The daemon says that mail has to wait.
    Wait(Problem),
    /// The daemon has none, and the next question may have one.
    Refused(Problem),
    /// It is not the answer to this question, or not one of the daemon's.
    OutOfStep(Problem),
}

/// Whether all of the reply was received, and nothing else.
pub(super) fn is_whole(received: &[u8]) -> Result<bool, Problem> {
    match decode(received, MAX_REPLY) {
        Ok(Frame::Complete { len, .. }) if len == received.len() => Ok(true),
        Ok(Frame::Partial) => Ok(false),
        _ => Err(GARBLED.into()),
    }
}

/// Reads the whole reply to the question for `asked`.
pub(super) fn read(received: &[u8], asked: &Domain) -> Result<Ruling, NoRuling> {
    let garbled = || NoRuling::OutOfStep(GARBLED.into());
    let Ok(Frame::Complete { payload, .. }) = decode(received, MAX_REPLY) else { return Err(garbled()) };
    let value = match Reply::parse(payload).map_err(|_| garbled())? {
        Reply::Ok(value) => value,
        Reply::NotFound => return Err(NoRuling::Refused("the daemon takes this name for no domain".into())),
        Reply::Temp(why) => return Err(wait("a temporary failure: ", why)),
        Reply::Timeout(why) => return Err(wait("that it takes too long: ", why)),
        Reply::Perm(why) => return Err(wait("a permanent failure: ", why)),
    };
    let reply = PolicyReply::decode(value).map_err(|_| garbled())?;
    if reply.domain != *asked {
        return Err(NoRuling::OutOfStep("the daemon answered for another domain".into()));
    }
    let (decision, needs_policy) = match reply.decision {
        PolicyDecision::NoPolicy => (MTASTS_DECISION_NO_POLICY, false),
        PolicyDecision::Testing => (MTASTS_DECISION_TESTING, true),
        PolicyDecision::Enforce => (MTASTS_DECISION_ENFORCE, true),
        PolicyDecision::Dane => (MTASTS_DECISION_DANE, false),
        PolicyDecision::DaneOnly => (MTASTS_DECISION_DANE_ONLY, false),
        _ => return Err(garbled()),
    };
    let held = reply.entry.as_ref().and_then(Entry::held).map(|held| &held.policy);
    let policy = held.filter(|policy| decision != MTASTS_DECISION_NO_POLICY && policy.mode() != Mode::None);
    if needs_policy && policy.is_none() {
        return Err(NoRuling::OutOfStep("the daemon sent no policy with its decision".into()));
    }
    Ok(Ruling {
        decision,
        reason: CText::new(reply.reason),
        policy: policy.cloned(),
        valid_until: reply.valid_until,
        confirms_bounce: reply.confirms_bounce,
    })
}

/// The daemon's words, as far as they are printable.
fn wait(how: &str, words: &[u8]) -> NoRuling {
    let printable = |b: &u8| if matches!(b, b' '..=b'~') { char::from(*b) } else { '?' };
    let words: String = words.iter().take(MAX_WORDS).map(printable).collect();
    NoRuling::Wait(["the daemon reports ", how, &words].concat().into())
}
