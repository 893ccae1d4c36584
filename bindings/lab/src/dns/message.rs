//! From the octets of a question to those of its answer.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, SOA, TLSA, TXT, opt::EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RData, Record as WireRecord, RecordType as WireType};

use super::zones::{Resolved, Zones};
use super::{Record, RecordType, key};

/// What the lab can take itself, and the most it sends by UDP whatever the client says.
const UDP_SIZE: u16 = 4096;
const EXTENDED_ERROR: u16 = 15;
const HEADER_SIZE: usize = 12;

/// A question that the lab can look up.
pub(super) struct Question {
    request: Message,
    /// In the form of [`key`].
    pub(super) name: String,
    pub(super) kind: RecordType,
}

/// What came in.
pub(super) enum Request {
    Question(Box<Question>),
    /// Something else, with the answer to it.
    Other(Vec<u8>),
    /// Nothing that deserves an answer.
    Noise,
}

impl Request {
    pub(super) fn read(octets: &[u8]) -> Self {
        let Ok(request) = Message::from_vec(octets) else {
            return Self::malformed(octets);
        };
        if request.metadata.message_type != MessageType::Query {
            return Self::Noise;
        }
        let error = match request.queries.as_slice() {
            _ if request.version() != 0 => ResponseCode::BADVERS,
            _ if request.metadata.op_code != OpCode::Query => ResponseCode::NotImp,
            [query] if query.query_class() != DNSClass::IN => ResponseCode::Refused,
            [query] => {
                let (name, kind) = (key(&query.name().to_ascii()), query.query_type().into());
                return Self::Question(Box::new(Question { request, name, kind }));
            }
            _ => ResponseCode::FormErr,
        };
        encode(&reply_to(&request, error)).map_or(Self::Noise, Self::Other)
    }

    fn malformed(octets: &[u8]) -> Self {
        let Some(&[high, low, flags, ..]) = octets.get(..HEADER_SIZE) else {
            return Self::Noise;
        };
        let is_response = flags & 0x80 != 0;
        let id = u16::from_be_bytes([high, low]);
        match encode(&Message::error_msg(id, OpCode::Query, ResponseCode::FormErr)) {
            Some(answer) if !is_response => Self::Other(answer),
            _ => Self::Noise,
        }
    }
}

impl Question {
    /// The answer in octets; `None`: the name is to be met with silence.
    pub(super) fn answer(&self, zones: &Zones, by_udp: bool) -> Option<Vec<u8>> {
        let found = zones.resolve(&self.name, self.kind);
        let code = found.code?;
        let failure = || reply_to(&self.request, ResponseCode::ServFail);
        let reply = self.reply(code, &found, zones.ttl).unwrap_or_else(failure);
        match encode(&reply) {
            Some(octets) if !by_udp || octets.len() <= self.udp_size() => Some(octets),
            Some(_) => encode(&reply.truncate()),
            None => encode(&failure()),
        }
    }

    fn udp_size(&self) -> usize {
        usize::from(self.request.max_payload().min(UDP_SIZE))
    }

    /// `None` if a name in the data cannot be written.
    fn reply(&self, code: ResponseCode, found: &Resolved, ttl: u32) -> Option<Message> {
        let mut reply = reply_to(&self.request, code);
        let asked = self.request.queries.first()?.name();
        let mut last = asked.clone();
        for (owner, record) in &found.records {
            // The question's own spelling: clients may vary its case to tell forged answers (0x20).
            let owner = if *owner == self.name { asked.clone() } else { absolute(owner)? };
            last = owner.clone();
            if let Record::Cname(target) = record {
                last = absolute(target)?;
            }
            reply.add_answer(WireRecord::from_rdata(owner, ttl, wire_data(record)?));
        }
        if found.negative {
            reply.add_authority(start_of_authority(&last, ttl)?);
        }
        let asks_for_proof = self.request.metadata.authentic_data
            || self.request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
        let has_proof = matches!(code, ResponseCode::NoError | ResponseCode::NXDomain);
        reply.metadata.authentic_data = asks_for_proof && has_proof && found.secure;
        if let (Some(code), Some(edns)) = (found.extended_error, reply.edns.as_mut()) {
            edns.options_mut().insert(EdnsOption::Unknown(EXTENDED_ERROR, code.to_be_bytes().to_vec()));
        }
        Some(reply)
    }
}

fn reply_to(request: &Message, code: ResponseCode) -> Message {
    let asked = &request.metadata;
    let mut reply = Message::new(asked.id, MessageType::Response, asked.op_code);
    reply.metadata.recursion_desired = asked.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.metadata.checking_disabled = asked.checking_disabled;
    reply.metadata.response_code = code;
    reply.add_queries(request.queries.iter().cloned());
    if let Some(asked) = &request.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_SIZE).set_dnssec_ok(asked.flags().dnssec_ok).set_rcode_high(code.high());
        reply.set_edns(edns);
    }
    reply
}

fn encode(message: &Message) -> Option<Vec<u8>> {
    message.to_vec().ok().filter(|octets| octets.len() <= usize::from(u16::MAX))
}

fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// Without it no client may believe that there is nothing (RFC 2308 §2).
fn start_of_authority(name: &Name, ttl: u32) -> Option<WireRecord> {
    let zone = name.trim_to(usize::from(name.num_labels().min(2)));
    let server = absolute("ns.lab.invalid")?;
    let keeper = absolute("hostmaster.lab.invalid")?;
    let soa = SOA::new(server, keeper, 1, 3600, 600, 86400, ttl);
    Some(WireRecord::from_rdata(zone, ttl, RData::SOA(soa)))
}

fn wire_data(record: &Record) -> Option<RData> {
    Some(match record {
        Record::A(address) => RData::A(A(*address)),
        Record::Aaaa(address) => RData::AAAA(AAAA(*address)),
        Record::Cname(target) => RData::CNAME(CNAME(absolute(target)?)),
        Record::Mx { preference, host } => RData::MX(MX::new(*preference, absolute(host)?)),
        Record::Tlsa { usage, selector, matching, data } => RData::TLSA(TLSA::new(
            CertUsage::from(*usage),
            Selector::from(*selector),
            Matching::from(*matching),
            data.clone(),
        )),
        Record::Txt(strings) => RData::TXT(TXT::from_bytes(character_strings(strings))),
    })
}

/// RFC 1035 §3.3.14: one or more, each of at most 255 octets.
fn character_strings(strings: &[Vec<u8>]) -> Vec<&[u8]> {
    let mut pieces: Vec<&[u8]> = Vec::new();
    for string in strings {
        if string.is_empty() {
            pieces.push(&[]);
        }
        pieces.extend(string.chunks(255));
    }
    if pieces.is_empty() {
        pieces.push(&[]);
    }
    pieces
}

impl From<WireType> for RecordType {
    fn from(kind: WireType) -> Self {
        match kind {
            WireType::A => Self::A,
            WireType::AAAA => Self::Aaaa,
            WireType::CNAME => Self::Cname,
            WireType::MX => Self::Mx,
            WireType::TLSA => Self::Tlsa,
            WireType::TXT => Self::Txt,
            other => Self::Other(other.into()),
        }
    }
}
