//! The functions of the library, each as one safe call.

use super::{
    codes::{
        MTASTS_E_ABSENT, MTASTS_E_DOMAIN, MTASTS_E_FORMAT, MTASTS_E_OTHER_DOMAIN, MTASTS_E_PATTERN, MTASTS_E_POLICY,
    },
    library::{Library, opaque},
    objects::{
        Owned, Result, answer, broken, done, octets, raw, raw_mut, text, text_into_buffer, text_of, unless, yes,
    },
};
use crate::vectors::Octets;

pub(super) type Config<'l> = Owned<'l, opaque::Config>;
pub(super) type Entry<'l> = Owned<'l, opaque::Entry>;
pub(super) type Policy<'l> = Owned<'l, opaque::Policy>;
pub(super) type Tlsrpt<'l> = Owned<'l, opaque::Tlsrpt>;
pub(super) type Txt<'l> = Owned<'l, opaque::Txt>;

/// A TXT record: as it stands in a DNS message if it can stand there, else joined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Record {
    /// A length before each string.
    Rdata(Vec<u8>),
    /// One string that is too long for its length.
    Joined(Vec<u8>),
}

impl Record {
    pub(super) fn of(strings: &[Octets]) -> Self {
        let strings: Vec<Vec<u8>> = strings.iter().map(Octets::bytes).collect();
        let mut rdata = Vec::new();
        for string in &strings {
            let Ok(len) = u8::try_from(string.len()) else { return Self::Joined(strings.concat()) };
            rdata.push(len);
            rdata.extend(string);
        }
        // RFC 1035 §3.3.14: there is at least one string.
        Self::Rdata(if rdata.is_empty() { vec![0] } else { rdata })
    }
}

impl Library {
    /// The normal form of a policy domain; `None` if the name is none.
    pub(super) fn normalized(&self, name: &str) -> Result<Option<String>> {
        let (name, len) = raw(name.as_bytes());
        let normalized = text_into_buffer(|buffer, need| {
            let (buffer, cap) = raw_mut(buffer);
            // SAFETY: the name and the buffer have these lengths.
            unsafe { (self.mtasts_domain_normalize)(name, len, buffer, cap, need) }
        });
        unless(&[MTASTS_E_DOMAIN], normalized)
    }

    /// Whether the pattern is valid and matches.
    pub(super) fn pattern_matches(&self, pattern: &str, host: &str) -> Result<bool> {
        let ((pattern, pattern_len), (host, host_len)) = (raw(pattern.as_bytes()), raw(host.as_bytes()));
        let matches = yes(|matches| {
            // SAFETY: the pattern and the host have these lengths.
            unsafe { (self.mtasts_pattern_match)(pattern, pattern_len, host, host_len, matches) }
        });
        Ok(unless(&[MTASTS_E_PATTERN], matches)?.unwrap_or(false))
    }

    pub(super) fn policy(&self, body: &[u8]) -> Result<Policy<'_>> {
        let (body, len) = raw(body);
        Owned::made_by(self, self.mtasts_policy_free, |policy| {
            // SAFETY: the body has this length.
            unsafe { (self.mtasts_policy_parse)(body, len, policy) }
        })
    }

    pub(super) fn txt(&self, rrset: &[Vec<Octets>]) -> Result<Txt<'_>> {
        let mut txt = Owned::made_by(self, self.mtasts_txt_free, |txt| (self.mtasts_txt_new)(txt))?;
        for record in rrset {
            txt.add(&Record::of(record))?;
        }
        Ok(txt)
    }

    pub(super) fn tlsrpt(&self, txt: &Txt<'_>) -> Result<Tlsrpt<'_>> {
        Owned::made_by(self, self.mtasts_tlsrpt_free, |tlsrpt| (self.mtasts_tlsrpt_parse)(txt, tlsrpt))
    }

    pub(super) fn config(&self) -> Result<Config<'_>> {
        Owned::made_by(self, self.mtasts_config_free, |config| (self.mtasts_config_new)(config))
    }

    pub(super) fn import(
        &self,
        domain: &str,
        id: &str,
        policy: &Policy<'_>,
        fetched_at: i64,
        checked_at: i64,
    ) -> Result<Entry<'_>> {
        let ((domain, domain_len), (id, id_len)) = (raw(domain.as_bytes()), raw(id.as_bytes()));
        Owned::made_by(self, self.mtasts_entry_free, |entry| {
            // SAFETY: the domain and the id have these lengths.
            unsafe { (self.mtasts_entry_import)(domain, domain_len, id, id_len, policy, fetched_at, checked_at, entry) }
        })
    }

    /// The entry that is encoded; `None` if it is none of the domain.
    pub(super) fn decoded(&self, encoded: &[u8], domain: &str) -> Result<Option<Entry<'_>>> {
        let ((encoded, encoded_len), (domain, domain_len)) = (raw(encoded), raw(domain.as_bytes()));
        let entry = Owned::made_by(self, self.mtasts_entry_free, |entry| {
            // SAFETY: the octets and the domain have these lengths.
            unsafe { (self.mtasts_entry_decode)(encoded, encoded_len, domain, domain_len, entry) }
        });
        unless(&[MTASTS_E_FORMAT, MTASTS_E_POLICY, MTASTS_E_OTHER_DOMAIN], entry)
    }

    /// The word for a result type in reports.
    pub(super) fn result_type(&self, result: u32) -> Result<String> {
        text_of((self.mtasts_tlsrpt_result_name)(result))
    }
}

impl Txt<'_> {
    fn add(&mut self, record: &Record) -> Result<()> {
        let library = self.library;
        let (add, octets) = match record {
            Record::Rdata(rdata) => (library.mtasts_txt_add_rdata, rdata),
            Record::Joined(joined) => (library.mtasts_txt_add, joined),
        };
        let (octets, len) = raw(octets);
        // SAFETY: there are so many octets.
        done(unsafe { add(self, octets, len) })
    }

    pub(super) fn sts_id(&self) -> Result<String> {
        text_into_buffer(|buffer, need| {
            let (buffer, cap) = raw_mut(buffer);
            // SAFETY: the buffer has this length.
            unsafe { (self.library.mtasts_txt_sts_id)(self, buffer, cap, need) }
        })
    }
}

impl Policy<'_> {
    pub(super) fn mode(&self) -> Result<u32> {
        answer(|mode| (self.library.mtasts_policy_mode)(self, mode))
    }

    /// The word that stands in the policy.
    pub(super) fn mode_name(&self) -> Result<String> {
        text_of((self.library.mtasts_mode_name)(self.mode()?))
    }

    pub(super) fn max_age(&self) -> Result<u32> {
        answer(|seconds| (self.library.mtasts_policy_max_age)(self, seconds))
    }

    pub(super) fn mx(&self) -> Result<Vec<String>> {
        let count = answer(|count| (self.library.mtasts_policy_mx_count)(self, count))?;
        listed(count, |index| text(|pattern| (self.library.mtasts_policy_mx)(self, index, pattern)))
    }

    pub(super) fn body(&self) -> Result<Vec<u8>> {
        octets(|buffer, need| {
            let (buffer, cap) = raw_mut(buffer);
            // SAFETY: the buffer has this length.
            unsafe { (self.library.mtasts_policy_body)(self, buffer, cap, need) }
        })
    }
}

impl Tlsrpt<'_> {
    pub(super) fn rua(&self) -> Result<Vec<String>> {
        let count = answer(|count| (self.library.mtasts_tlsrpt_rua_count)(self, count))?;
        listed(count, |index| text(|uri| (self.library.mtasts_tlsrpt_rua)(self, index, uri)))
    }
}

impl Config<'_> {
    pub(super) fn set(&mut self, option: u32, value: u64) -> Result<()> {
        done((self.library.mtasts_config_set)(self, option, value))
    }
}

impl<'l> Entry<'l> {
    pub(super) fn encoded(&self) -> Result<Vec<u8>> {
        octets(|buffer, need| {
            let (buffer, cap) = raw_mut(buffer);
            // SAFETY: the buffer has this length.
            unsafe { (self.library.mtasts_entry_encode)(self, buffer, cap, need) }
        })
    }

    /// The policy held, if there is one.
    pub(super) fn policy(&self) -> Result<Option<Policy<'l>>> {
        let library = self.library;
        let policy =
            Owned::made_by(library, library.mtasts_policy_free, |policy| (library.mtasts_entry_policy)(self, policy));
        unless(&[MTASTS_E_ABSENT], policy)
    }
}

/// All members of a list, which must end where its count says.
fn listed(count: usize, get: impl Fn(usize) -> Result<String>) -> Result<Vec<String>> {
    if unless(&[MTASTS_E_ABSENT], get(count))?.is_some() {
        return broken(format!("a list of {count} goes on"));
    }
    (0..count).map(get).collect()
}
