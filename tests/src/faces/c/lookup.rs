//! The calls of a lookup.

use super::{
    calls::{Config, Entry, Policy, Record},
    codes::{MTASTS_E_ABSENT, MTASTS_E_OUT_OF_TURN},
    library::{Library, opaque},
    objects::{Owned, Result, answer, done, raw, text, unless, yes},
};

pub(super) type Lookup<'l> = Owned<'l, opaque::Lookup>;

impl Library {
    pub(super) fn lookup(
        &self,
        domain: &str,
        cached: Option<&Entry<'_>>,
        intent: u32,
        config: &Config<'_>,
        now: i64,
    ) -> Result<Lookup<'_>> {
        let (name, len) = raw(domain.as_bytes());
        Owned::made_by(self, self.mtasts_lookup_free, |lookup| {
            // SAFETY: the name has this length.
            unsafe {
                (self.mtasts_lookup_new)(name, len, cached.map(|entry| &**entry), intent, Some(config), now, lookup)
            }
        })
    }
}

impl<'l> Lookup<'l> {
    pub(super) fn want(&self) -> Result<u32> {
        answer(|want| (self.library.mtasts_lookup_want)(self, want))
    }

    /// `None` if it is not the TXT records' turn.
    pub(super) fn txt_name(&self) -> Result<Option<String>> {
        unless(&[MTASTS_E_OUT_OF_TURN], text(|name| (self.library.mtasts_lookup_txt_name)(self, name)))
    }

    pub(super) fn txt(&mut self, record: &Record) -> Result<()> {
        let library = self.library;
        let (add, octets) = match record {
            Record::Rdata(rdata) => (library.mtasts_lookup_txt_rdata, rdata),
            Record::Joined(joined) => (library.mtasts_lookup_txt_record, joined),
        };
        let (octets, len) = raw(octets);
        // SAFETY: there are so many octets.
        done(unsafe { add(self, octets, len) })
    }

    pub(super) fn txt_end(&mut self, status: u32, now: i64) -> Result<()> {
        done((self.library.mtasts_lookup_txt_end)(self, status, now))
    }

    /// `None` if it is not the fetch's turn.
    pub(super) fn https_url(&self) -> Result<Option<String>> {
        unless(&[MTASTS_E_OUT_OF_TURN], text(|url| (self.library.mtasts_lookup_https_url)(self, url)))
    }

    pub(super) fn https_field(&mut self, name: &str, value: &str) -> Result<()> {
        let ((name, name_len), (value, value_len)) = (raw(name.as_bytes()), raw(value.as_bytes()));
        // SAFETY: the name and the value have these lengths.
        done(unsafe { (self.library.mtasts_lookup_https_field)(self, name, name_len, value, value_len) })
    }

    pub(super) fn https_head(&mut self, status: u16, now: i64) -> Result<bool> {
        yes(|more| (self.library.mtasts_lookup_https_head)(self, status.into(), now, more))
    }

    pub(super) fn https_body(&mut self, piece: &[u8], now: i64) -> Result<bool> {
        let (piece, len) = raw(piece);
        // SAFETY: the piece has this length.
        yes(|more| unsafe { (self.library.mtasts_lookup_https_body)(self, piece, len, now, more) })
    }

    pub(super) fn https_end(&mut self, now: i64) -> Result<()> {
        done((self.library.mtasts_lookup_https_end)(self, now))
    }

    pub(super) fn https_failed(&mut self, why: u32, now: i64) -> Result<()> {
        done((self.library.mtasts_lookup_https_failed)(self, why, now))
    }

    pub(super) fn decision(&self) -> Result<u32> {
        answer(|decision| (self.library.mtasts_lookup_decision)(self, decision))
    }

    /// The policy that applies, if one does.
    pub(super) fn policy(&self) -> Result<Option<Policy<'l>>> {
        let library = self.library;
        let policy =
            Owned::made_by(library, library.mtasts_policy_free, |policy| (library.mtasts_lookup_policy)(self, policy));
        unless(&[MTASTS_E_ABSENT], policy)
    }

    /// What the cache must hold, if anything.
    pub(super) fn apply(&self, current: Option<&Entry<'_>>, now: i64) -> Result<Option<Entry<'l>>> {
        let library = self.library;
        let entry = Owned::made_by(library, library.mtasts_entry_free, |entry| {
            (library.mtasts_lookup_apply)(self, current.map(|entry| &**entry), now, entry)
        });
        unless(&[MTASTS_E_ABSENT], entry)
    }

    /// What is to be reported, if anything.
    pub(super) fn tlsrpt_result(&self) -> Result<Option<u32>> {
        unless(&[MTASTS_E_ABSENT], answer(|result| (self.library.mtasts_lookup_tlsrpt_result)(self, result)))
    }

    /// In how many seconds the policy ends, if the administrator should be told.
    pub(super) fn alert(&self) -> Result<Option<u64>> {
        unless(&[MTASTS_E_ABSENT], answer(|ends_in| (self.library.mtasts_lookup_alert)(self, ends_in)))
    }

    /// What could not be learnt, if anything.
    pub(super) fn failure_text(&self) -> Result<Option<String>> {
        unless(&[MTASTS_E_ABSENT], text(|failure| (self.library.mtasts_lookup_failure_text)(self, failure)))
    }

    pub(super) fn confirms_bounce(&self) -> Result<bool> {
        yes(|confirms| (self.library.mtasts_lookup_confirms_bounce)(self, confirms))
    }
}
