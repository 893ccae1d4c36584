//! The map `policy`: what is decided for a domain, for clients that judge MX hosts themselves.

use crate::reply::Reply;
use mta_sts::{Intent, core::socketmap::PolicyReply};

/// After the domain, for a message that would otherwise be returned to its sender.
const BEFORE_BOUNCE: &[u8] = b" before-bounce";

/// The domain in a key, and what it is looked up for.
pub(crate) fn split(key: &[u8]) -> (&[u8], Intent) {
    match key.strip_suffix(BEFORE_BOUNCE) {
        Some(domain) => (domain, Intent::BeforeBounce),
        None => (key, Intent::Deliver),
    }
}

/// The reply that says so.
pub(crate) fn reply(value: &PolicyReply<'_>) -> Reply {
    match value.encode() {
        Ok(value) => Reply::Policy(value),
        // A client that learns nothing must not take it for "no policy".
        Err(_) => Reply::Temp("the MTA-STS policy does not fit into a reply"),
    }
}
