//! DNSSEC validation in this process, by hickory.

use super::{SecureAnswer, denial_ttl, of_chain};
use crate::{
    builder::BuildError,
    dns::{Dns, DnsError, Found},
    name_server::NameServer,
};
use hickory_resolver::proto::{
    dnssec::{TrustAnchors, rdata::DNSSECRData},
    op::ResponseCode,
    rr::{Name, RData, Record, RecordType},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// More aliases one after another are not followed by steps.
const MAX_STEPS: usize = 8;

/// Needs no trust in the name servers, but that they pass signatures on.
pub(crate) struct Validating {
    dns: Dns,
    timeout: Duration,
}

impl Validating {
    /// `anchors`: the text of a file of DNSKEY records; else the keys of the root that hickory knows.
    pub(crate) fn new(
        servers: &[NameServer],
        timeout: Duration,
        tls: &rustls::ClientConfig,
        anchors: Option<&str>,
    ) -> Result<Self, BuildError> {
        let anchors = match anchors {
            Some(text) => read_anchors(text)?,
            None => TrustAnchors::default(),
        };
        Ok(Self { dns: Dns::new(servers, timeout, tls, Some(&Arc::new(anchors)))?, timeout })
    }

    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Result<SecureAnswer, DnsError> {
        let answer = async {
            match self.ask_at_once(name, kind).await {
                Err(DnsError::Bogus) => self.ask_by_steps(name, kind).await,
                answer => answer,
            }
        };
        timeout(self.timeout, answer).await.unwrap_or(Err(DnsError::Timeout))
    }

    async fn ask_at_once(&self, name: &Name, kind: RecordType) -> Result<SecureAnswer, DnsError> {
        match self.dns.ask(name, kind).await? {
            Found::Records(found) => {
                let answer = of_chain(name, kind, found.answers(), |record| record.proof.is_secure());
                // Nothing of the type asked for, and no proof of that.
                Ok(answer.or_denied(found.authorities(), false))
            }
            Found::Nothing(none) => {
                let authorities = none.authorities.as_deref().unwrap_or_default();
                // Where there has to be a proof, a denial without a good one has been an error by now.
                let secure = secure_denials(authorities).next().is_some();
                Ok(of_chain(name, kind, &[], |_| false).or_denied(authorities, secure))
            }
        }
    }

    /// hickory 0.26 takes good answers for bogus where a denial comes along with an alias, or where a
    /// wildcard made them. What they are made of, asked for by itself, it judges rightly.
    async fn ask_by_steps(&self, name: &Name, kind: RecordType) -> Result<SecureAnswer, DnsError> {
        let (mut owner, mut secure, mut ttl) = (name.clone(), true, u32::MAX);
        for _ in 0..MAX_STEPS {
            if let Some((wildcard, denied_for)) = self.source_of_synthesis(&owner).await {
                let answer = self.ask_at_once(&wildcard, kind).await?;
                return Ok(SecureAnswer { owner, ..answer.behind(secure, ttl.min(denied_for)) });
            }
            let alias = self.ask_at_once(&owner, RecordType::CNAME).await?;
            let Some(RData::CNAME(target)) = alias.data.first() else { break };
            owner = target.0.clone();
            (secure, ttl) = (secure && alias.secure, ttl.min(alias.ttl));
            match self.ask_at_once(&owner, kind).await {
                Err(DnsError::Bogus) => {}
                answer => return answer.map(|answer| answer.behind(secure, ttl)),
            }
        }
        Err(DnsError::Bogus)
    }

    /// The wildcard that answers for a name, and for how many seconds.
    async fn source_of_synthesis(&self, name: &Name) -> Option<(Name, u32)> {
        // A type that nobody has is denied with a proof that names the wildcard. By NSEC3 it does not,
        // but wildcards with NSEC3 need no such detour.
        match self.dns.ask(name, RecordType::NULL).await {
            Ok(Found::Nothing(none)) if none.response_code == ResponseCode::NoError => {
                let authorities = none.authorities.as_deref()?;
                Some((wildcard_in(authorities, name)?.clone(), denial_ttl(authorities)))
            }
            _ => None,
        }
    }
}

/// The wildcard whose NSEC record denies a type at a name that does not exist, in a proof that holds.
/// Records that a stranger adds to a proof must not make it say more than it does.
fn wildcard_in<'a>(authorities: &'a [Record], name: &Name) -> Option<&'a Name> {
    let denials = || {
        secure_denials(authorities).filter_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::NSEC(nsec)) => Some((&record.name, nsec.next_domain_name())),
            _ => None,
        })
    };
    // RFC 4592 §2.2.2, §3.3.1: a name that exists, if only by names below it, is not synthesized.
    if denials().any(|(owner, next)| owner == name || name.zone_of(next)) {
        return None;
    }
    let wildcards = denials().map(|(owner, _)| owner).filter(|owner| owner.is_wildcard());
    // The one at the closest encloser is the longest there can be.
    wildcards.filter(|owner| owner.base_name().zone_of(name)).max_by_key(|owner| owner.num_labels())
}

/// The records of a denial that DNSSEC vouches for.
fn secure_denials(authorities: &[Record]) -> impl Iterator<Item = &Record> {
    let is_denial = |record: &&Record| matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3);
    authorities.iter().filter(is_denial).filter(|record| record.proof.is_secure())
}

/// hickory reads DNSKEY records alone, and gives up at a DS record: those are left out.
fn read_anchors(text: &str) -> Result<TrustAnchors, BuildError> {
    let is_ds = |line: &&str| {
        let line = line.split(';').next().unwrap_or_default().to_ascii_uppercase();
        let has = |word| line.split_whitespace().any(|one| one == word);
        has("DS") && !has("DNSKEY")
    };
    let keys: String = text.lines().filter(|line| !is_ds(line)).flat_map(|line| [line, "\n"]).collect();
    let anchors: TrustAnchors = keys.parse().map_err(|_| BuildError::BadTrustAnchors)?;
    // Without the root's, hickory takes all that is not below the others for bogus.
    if anchors.is_empty() { Err(BuildError::BadTrustAnchors) } else { Ok(anchors) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::dnssec::{Proof, rdata::NSEC};

    const KEY: &str =
        "DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";
    const DS: &str = ". 86400 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";

    fn nsec(owner: &str, next: &str, proof: Proof) -> Record {
        let next = Name::from_ascii(next).unwrap();
        let data = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new(next, [RecordType::TLSA])));
        let mut record = Record::from_rdata(Name::from_ascii(owner).unwrap(), 300, data);
        record.proof = proof;
        record
    }

    #[test]
    fn a_wildcard_answers_only_for_names_that_do_not_exist() {
        let name = Name::from_ascii("_25._tcp.mx.a.test.").unwrap();
        let wildcard = || nsec("*._tcp.mx.a.test.", "b.a.test.", Proof::Secure);
        let higher = nsec("*.a.test.", "a.a.test.", Proof::Secure);
        assert_eq!(wildcard_in(&[higher, wildcard()], &name), Some(&wildcard().name));
        for stranger in [
            nsec("_25._tcp.mx.a.test.", "b.a.test.", Proof::Secure),
            nsec("mx.a.test.", "x._25._tcp.mx.a.test.", Proof::Secure),
        ] {
            assert_eq!(wildcard_in(&[wildcard(), stranger], &name), None);
        }
        let forged = nsec("*._tcp.mx.a.test.", "b.a.test.", Proof::Bogus);
        assert_eq!(wildcard_in(&[forged, nsec("*.b.test.", "c.test.", Proof::Secure)], &name), None);
    }

    #[test]
    fn anchors_are_dnskey_records_of_the_root() {
        for text in [
            format!(". 86400 IN {KEY}"),
            format!("; a comment, IN DS\n{DS}\n.\tIN\t{KEY} ;{{id = 1 (ksk)}} ;;state=2 [  VALID  ]\n"),
        ] {
            assert_eq!(read_anchors(&text).unwrap().len(), 1, "{text}");
        }
        for text in [String::new(), DS.to_owned(), format!("example.test. IN {KEY}"), "a.pem".to_owned()] {
            assert_eq!(read_anchors(&text).err(), Some(BuildError::BadTrustAnchors), "{text}");
        }
    }
}
