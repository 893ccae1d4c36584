//! The lookup machine of `mta-sts-core`.

use super::machine::{Ended, Lookup, Machine, Result, Txt, Want};
use crate::{faces::records, vectors::Sender};
use mta_sts_core::{
    Config, Domain, Entry, FetchError, Flow, HttpsHead, Intent, Policy, RecordId, UnixTime, lookup as core,
};

/// The lookup machine of `mta-sts-core`. It keeps entries as they are in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustMachine;

/// A lookup of `mta-sts-core`.
#[derive(Debug)]
pub struct RustLookup {
    lookup: core::Lookup,
    domain: Domain,
    now: UnixTime,
}

impl Machine for RustMachine {
    type Entry = Entry;
    type Lookup = RustLookup;

    fn domain(&self, name: &str) -> Result<Option<String>> {
        Ok(Domain::from_unicode(name).ok().map(|domain| domain.as_str().to_owned()))
    }

    fn import(&self, domain: &str, id: &str, body: &[u8], fetched_at: u64, checked_at: u64) -> Result<Entry> {
        let policy = Policy::parse(body).map_err(|e| format!("the cached policy: {e}"))?;
        let id = RecordId::new(id).ok_or("the cached id is not valid")?;
        Ok(Entry::import(&normal(domain)?, id, policy, UnixTime(fetched_at), UnixTime(checked_at)))
    }

    fn encode(&self, entry: &Entry) -> Vec<u8> {
        entry.encode()
    }

    fn decode(&self, stored: &[u8], domain: &str) -> Result<Option<Entry>> {
        Ok(Entry::decode(stored, &normal(domain)?).ok())
    }

    fn held(&self, entry: &Entry, _domain: &str) -> Result<Option<Vec<u8>>> {
        Ok(entry.held().map(|held| held.policy.text().to_vec()))
    }

    fn look_up(
        &self,
        domain: &str,
        cached: Option<&Entry>,
        intent: Intent,
        config: Sender,
        now: u64,
    ) -> Result<RustLookup> {
        let Sender { recheck_after, backoff, max_body } = config;
        let (domain, now) = (normal(domain)?, UnixTime(now));
        let config = Config { recheck_after, backoff, max_body };
        Ok(RustLookup { lookup: core::Lookup::new(&domain, cached.cloned(), intent, config, now), domain, now })
    }
}

impl Lookup<Entry> for RustLookup {
    fn want(&self) -> Result<Want> {
        Ok(match self.lookup.want() {
            core::Want::Txt { name } => Want::Txt(name.to_owned()),
            core::Want::Https { url, .. } => Want::Https(url.to_owned()),
            core::Want::Nothing => Want::Nothing,
        })
    }

    fn txt(&mut self, answer: Txt<'_>) -> Result<()> {
        let answered = match answer {
            Txt::Records(rrset) => self.lookup.txt(core::Txt::Records(&records(rrset)), self.now),
            Txt::Absent => self.lookup.txt(core::Txt::Absent, self.now),
            Txt::TempFail => self.lookup.txt(core::Txt::TempFail, self.now),
        };
        answered.map_err(shown)
    }

    fn https_head(&mut self, status: u16, fields: &[(&str, &str)]) -> Result<bool> {
        let values = |wanted: &str| -> Vec<&str> {
            let named = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            named.map(|(_, value)| *value).collect()
        };
        let (content_type, content_encoding) = (values("Content-Type"), values("Content-Encoding"));
        let head = HttpsHead { status, content_type: &content_type, content_encoding: &content_encoding };
        Ok(self.lookup.https_head(&head, self.now).map_err(shown)? == Flow::Continue)
    }

    fn https_body(&mut self, piece: &[u8]) -> Result<bool> {
        Ok(self.lookup.https_body(piece, self.now).map_err(shown)? == Flow::Continue)
    }

    fn https_end(&mut self) -> Result<()> {
        self.lookup.https_end(self.now).map_err(shown)
    }

    fn https_failed(&mut self, why: FetchError) -> Result<()> {
        self.lookup.https_failed(why, self.now).map_err(shown)
    }

    fn end(self, current: Option<Entry>) -> Result<Ended<Entry>> {
        let outcome = self.lookup.into_outcome().ok_or("the lookup has no outcome")?;
        Ok(Ended {
            applied: outcome.decision.policy().map(|policy| policy.text().to_vec()),
            entry: Entry::apply(current, &self.domain, &outcome.cache, self.now),
            result_type: outcome.result_type().map(|result| result.as_str().to_owned()),
            alert: outcome.alert.is_some(),
            confirms_bounce: outcome.confirms_bounce(),
            failure: outcome.failure.map(shown),
        })
    }
}

fn normal(domain: &str) -> Result<Domain> {
    Domain::from_ascii(domain).map_err(shown)
}

fn shown(error: impl std::fmt::Display) -> String {
    error.to_string()
}
