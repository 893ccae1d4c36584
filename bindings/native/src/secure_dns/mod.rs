//! DNS with what DNSSEC says of each answer.

mod ad_bit;
mod validating;

use crate::dns::DnsError;
pub(crate) use ad_bit::AdBit;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
pub(crate) use validating::Validating;

/// Who says what is secure.
pub(crate) enum SecureDns {
    /// Name servers on loopback, by the AD bit.
    AdBit(AdBit),
    /// This process, by its trust anchors.
    Validating(Validating),
}

/// An answer that is not bogus: one that is, is a [`DnsError`].
#[derive(Debug)]
pub(crate) struct SecureAnswer {
    /// The data of the records of the type asked for; none if there are none.
    pub(crate) data: Vec<RData>,
    /// DNSSEC vouches for the answer, every alias on the way included; also if there is no data.
    pub(crate) secure: bool,
    /// The name that aliases led to, which has the data.
    pub(crate) owner: Name,
    /// For how many seconds all of it holds.
    pub(crate) ttl: u32,
}

impl SecureDns {
    pub(crate) async fn ask(&self, name: &Name, kind: RecordType) -> Result<SecureAnswer, DnsError> {
        match self {
            Self::AdBit(servers) => servers.ask(name, kind).await,
            Self::Validating(resolver) => resolver.ask(name, kind).await,
        }
    }
}

impl SecureAnswer {
    /// As it is behind an alias or the like.
    fn behind(self, secure: bool, ttl: u32) -> Self {
        Self { secure: self.secure && secure, ttl: self.ttl.min(ttl), ..self }
    }

    /// The same, if it has data; else a denial with these records.
    fn or_denied(self, authorities: &[Record], secure: bool) -> Self {
        if !self.data.is_empty() {
            return self;
        }
        Self { secure, ttl: self.ttl.min(denial_ttl(authorities)), ..self }
    }
}

/// More aliases than any name server follows.
const LONGEST_CHAIN: usize = 32;

/// The answer in these records, secure if `is_secure` says so of each. Signatures and whatever else
/// comes along do not count.
fn of_chain(name: &Name, kind: RecordType, records: &[Record], is_secure: impl Fn(&Record) -> bool) -> SecureAnswer {
    let mut answer = SecureAnswer { data: Vec::new(), secure: true, owner: name.clone(), ttl: u32::MAX };
    for _ in 0..LONGEST_CHAIN {
        for record in records.iter().filter(|record| record.name == answer.owner && record.record_type() == kind) {
            answer.data.push(record.data.clone());
            answer.secure &= is_secure(record);
            answer.ttl = answer.ttl.min(record.ttl);
        }
        let alias = records.iter().find_map(|record| match &record.data {
            RData::CNAME(alias) if record.name == answer.owner => Some((record, alias)),
            _ => None,
        });
        match alias {
            Some((record, alias)) if answer.data.is_empty() => {
                answer.secure &= is_secure(record);
                answer.ttl = answer.ttl.min(record.ttl);
                answer.owner = alias.0.clone();
            }
            _ => break,
        }
    }
    answer
}

/// For how many seconds there is nothing. RFC 2308 §5.
fn denial_ttl(authorities: &[Record]) -> u32 {
    let of_zone = authorities.iter().find_map(|record| match &record.data {
        RData::SOA(zone) => Some(record.ttl.min(zone.minimum)),
        _ => None,
    });
    of_zone.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::absolute;
    use hickory_resolver::proto::rr::rdata::{A, CNAME};
    use std::net::Ipv4Addr;

    fn alias(name: &str, target: &str, ttl: u32) -> Record {
        Record::from_rdata(absolute(name).unwrap(), ttl, RData::CNAME(CNAME(absolute(target).unwrap())))
    }

    fn address(name: &str, ttl: u32) -> Record {
        Record::from_rdata(absolute(name).unwrap(), ttl, RData::A(A(Ipv4Addr::LOCALHOST)))
    }

    #[test]
    fn the_chain_of_aliases_is_followed_and_nothing_else_counts() {
        let name = absolute("a.test").unwrap();
        let records =
            [address("c.test", 50), alias("A.test", "b.test", 40), alias("b.test", "c.test", 60), address("d.test", 1)];
        let answer = of_chain(&name, RecordType::A, &records, |record| record.ttl > 1);
        assert_eq!((answer.data.len(), answer.secure, answer.ttl), (1, true, 40));
        assert_eq!(answer.owner, absolute("c.test").unwrap());
        let answer = of_chain(&name, RecordType::A, &records, |record| record.ttl != 60);
        assert!(!answer.secure);
    }

    #[test]
    fn a_loop_of_aliases_ends() {
        let name = absolute("a.test").unwrap();
        let records = [alias("a.test", "b.test", 9), alias("b.test", "a.test", 9)];
        assert!(of_chain(&name, RecordType::A, &records, |_| true).data.is_empty());
    }
}
