//! The lookup machine of libmtasts, with a cache of encoded entries.

use super::{
    calls::Record,
    codes::{
        MTASTS_DECISION_ENFORCE, MTASTS_DECISION_NO_POLICY, MTASTS_DECISION_TESTING, MTASTS_E_TOO_LARGE,
        MTASTS_FAILURE_CERTIFICATE, MTASTS_FAILURE_CONNECT, MTASTS_FAILURE_DNS, MTASTS_FAILURE_INCOMPLETE,
        MTASTS_FAILURE_TIMEOUT, MTASTS_FAILURE_TLS, MTASTS_INTENT_BEFORE_BOUNCE, MTASTS_INTENT_DELIVER,
        MTASTS_INTENT_REFRESH, MTASTS_MODE_ENFORCE, MTASTS_MODE_TESTING, MTASTS_OPTION_BACKOFF, MTASTS_OPTION_MAX_BODY,
        MTASTS_OPTION_RECHECK_AFTER, MTASTS_TXT_ABSENT, MTASTS_TXT_RECORDS, MTASTS_TXT_TEMPFAIL, MTASTS_WANT_HTTPS,
        MTASTS_WANT_NOTHING, MTASTS_WANT_TXT,
    },
    library::Library,
    lookup::Lookup,
    objects::unless,
};
use crate::{
    scenario::machine::{self, Ended, Result, Txt, Want},
    vectors::Sender,
};
use mta_sts_core::{FetchError, Intent};

/// The lookup machine of libmtasts. What it holds of an entry is what a mail server's store holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine<'l>(pub(super) &'l Library);

/// A lookup of libmtasts.
#[derive(Debug)]
pub(super) struct Looking<'l> {
    lookup: Lookup<'l>,
    library: &'l Library,
    domain: String,
    now: i64,
}

impl<'l> machine::Machine for Machine<'l> {
    type Entry = Vec<u8>;
    type Lookup = Looking<'l>;

    fn domain(&self, name: &str) -> Result<Option<String>> {
        Ok(self.0.normalized(name)?)
    }

    fn import(&self, domain: &str, id: &str, body: &[u8], fetched_at: u64, checked_at: u64) -> Result<Vec<u8>> {
        let policy = self.0.policy(body)?;
        Ok(self.0.import(domain, id, &policy, seconds(fetched_at), seconds(checked_at))?.encoded()?)
    }

    fn encode(&self, entry: &Vec<u8>) -> Vec<u8> {
        entry.clone()
    }

    fn decode(&self, stored: &[u8], domain: &str) -> Result<Option<Vec<u8>>> {
        let entry = self.0.decoded(stored, domain)?;
        Ok(entry.map(|entry| entry.encoded()).transpose()?)
    }

    fn held(&self, entry: &Vec<u8>, domain: &str) -> Result<Option<Vec<u8>>> {
        let entry = self.0.decoded(entry, domain)?.ok_or("the entry cannot be decoded")?;
        Ok(entry.policy()?.map(|policy| policy.body()).transpose()?)
    }

    fn look_up(
        &self,
        domain: &str,
        cached: Option<&Vec<u8>>,
        intent: Intent,
        sender: Sender,
        now: u64,
    ) -> Result<Looking<'l>> {
        let mut config = self.0.config()?;
        config.set(MTASTS_OPTION_RECHECK_AFTER, sender.recheck_after.into())?;
        config.set(MTASTS_OPTION_BACKOFF, sender.backoff.into())?;
        config.set(MTASTS_OPTION_MAX_BODY, sender.max_body.try_into().unwrap_or(u64::MAX))?;
        let cached = match cached {
            Some(encoded) => Some(self.0.decoded(encoded, domain)?.ok_or("the entry cannot be decoded")?),
            None => None,
        };
        let intent = match intent {
            Intent::Deliver => MTASTS_INTENT_DELIVER,
            Intent::BeforeBounce => MTASTS_INTENT_BEFORE_BOUNCE,
            Intent::Refresh => MTASTS_INTENT_REFRESH,
            _ => return Err(format!("the header has no number for {intent:?}")),
        };
        let now = seconds(now);
        let lookup = self.0.lookup(domain, cached.as_ref(), intent, &config, now)?;
        Ok(Looking { lookup, library: self.0, domain: domain.to_owned(), now })
    }
}

impl machine::Lookup<Vec<u8>> for Looking<'_> {
    fn want(&self) -> Result<Want> {
        // What is not wanted now must not be answered.
        Ok(match (self.lookup.want()?, self.lookup.txt_name()?, self.lookup.https_url()?) {
            (MTASTS_WANT_TXT, Some(name), None) => Want::Txt(name),
            (MTASTS_WANT_HTTPS, None, Some(url)) => Want::Https(url),
            (MTASTS_WANT_NOTHING, None, None) => Want::Nothing,
            others => return Err(format!("the lookup wants {others:?}")),
        })
    }

    fn txt(&mut self, answer: Txt<'_>) -> Result<()> {
        let status = match answer {
            Txt::Records(rrset) => {
                for record in rrset {
                    // Too large a record is told to the lookup by this alone.
                    unless(&[MTASTS_E_TOO_LARGE], self.lookup.txt(&Record::of(record)))?;
                }
                MTASTS_TXT_RECORDS
            }
            Txt::Absent => MTASTS_TXT_ABSENT,
            Txt::TempFail => MTASTS_TXT_TEMPFAIL,
        };
        Ok(self.lookup.txt_end(status, self.now)?)
    }

    fn https_head(&mut self, status: u16, fields: &[(&str, &str)]) -> Result<bool> {
        for (name, value) in fields {
            // Too large ones are told to the lookup by this alone.
            unless(&[MTASTS_E_TOO_LARGE], self.lookup.https_field(name, value))?;
        }
        Ok(self.lookup.https_head(status, self.now)?)
    }

    fn https_body(&mut self, piece: &[u8]) -> Result<bool> {
        Ok(self.lookup.https_body(piece, self.now)?)
    }

    fn https_end(&mut self) -> Result<()> {
        Ok(self.lookup.https_end(self.now)?)
    }

    fn https_failed(&mut self, why: FetchError) -> Result<()> {
        let why = match why {
            FetchError::Certificate => MTASTS_FAILURE_CERTIFICATE,
            FetchError::Connect => MTASTS_FAILURE_CONNECT,
            FetchError::Dns => MTASTS_FAILURE_DNS,
            FetchError::Incomplete => MTASTS_FAILURE_INCOMPLETE,
            FetchError::Timeout => MTASTS_FAILURE_TIMEOUT,
            FetchError::Tls => MTASTS_FAILURE_TLS,
            other => return Err(format!("no scenario ends with {other:?}")),
        };
        Ok(self.lookup.https_failed(why, self.now)?)
    }

    fn end(self, current: Option<Vec<u8>>) -> Result<Ended<Vec<u8>>> {
        let policy = self.lookup.policy()?;
        let mode = policy.as_ref().map(|policy| policy.mode()).transpose()?;
        match (self.lookup.decision()?, mode) {
            (MTASTS_DECISION_NO_POLICY, None)
            | (MTASTS_DECISION_TESTING, Some(MTASTS_MODE_TESTING))
            | (MTASTS_DECISION_ENFORCE, Some(MTASTS_MODE_ENFORCE)) => {}
            others => return Err(format!("decision and mode do not agree: {others:?}")),
        }
        let current = match current {
            Some(encoded) => Some(self.library.decoded(&encoded, &self.domain)?.ok_or("the entry cannot be decoded")?),
            None => None,
        };
        let entry = self.lookup.apply(current.as_ref(), self.now)?;
        let result = self.lookup.tlsrpt_result()?;
        Ok(Ended {
            applied: policy.map(|policy| policy.body()).transpose()?,
            entry: entry.map(|entry| entry.encoded()).transpose()?,
            result_type: result.map(|result| self.library.result_type(result)).transpose()?,
            alert: self.lookup.alert()?.is_some(),
            confirms_bounce: self.lookup.confirms_bounce()?,
            failure: self.lookup.failure_text()?,
        })
    }
}

fn seconds(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}
