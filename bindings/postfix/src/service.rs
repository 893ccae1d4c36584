//! The service: from a request to a reply, by way of the resolver.

use crate::{
    key::policy_domain,
    reply::{Reply, reply},
    server::Answerer,
    zone::{Asked, Zones},
};
use mta_sts::{Domain, Intent, Resolver};
use std::sync::{Arc, PoisonError, RwLock};

/// Answers from a [`Resolver`]. Clones share everything.
///
/// The time for an answer is [`Timeouts::caller`](mta_sts::Timeouts::caller) of the resolver.
#[derive(Clone, Debug)]
pub struct Service {
    resolver: Resolver,
    zones: Arc<RwLock<Arc<Zones>>>,
}

impl Service {
    /// A service for these zones.
    #[must_use]
    pub fn new(resolver: Resolver, zones: Zones) -> Self {
        Self { resolver, zones: Arc::new(RwLock::new(Arc::new(zones))) }
    }

    /// Answers by other zones from now on.
    pub fn set_zones(&self, zones: Zones) {
        *self.zones.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(zones);
    }

    fn zones(&self) -> Arc<Zones> {
        self.zones.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Answerer for Service {
    fn answer(&self, map: &[u8], key: &[u8]) -> impl Future<Output = Reply> + Send + use<> {
        let asked = self.zones().get(map);
        let domain = policy_domain(key, asked.zone.smart_hosts);
        let resolver = self.resolver.clone();
        async move {
            match domain {
                Ok(domain) => look_up(&resolver, &asked, &domain).await,
                Err(why) => {
                    tracing::trace!(zone = asked.zone.name, %why, "nothing to look up");
                    Reply::NotFound
                }
            }
        }
    }
}

async fn look_up(resolver: &Resolver, asked: &Asked, domain: &Domain) -> Reply {
    let answer = resolver.resolve_with(domain, Intent::Deliver).await;
    // RFC 8461 §3.3: a store that cannot be read may hold a live policy. Everything else that could
    // not be learnt is "no policy" unless one is cached: foreign faults hold no mail up.
    if answer.is_uncertain() {
        return Reply::Temp("the MTA-STS policy store cannot be read, and no policy was learnt in its place");
    }
    reply(asked, domain, &answer.decision)
}
