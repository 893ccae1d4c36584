//! DNS questions whose answers come with the AD bit, which hickory's resolver does not ask for.

use super::{SecureAnswer, of_chain};
use crate::{builder::BuildError, dns::DnsError, name_server::NameServer};
use hickory_resolver::proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RecordType},
};
use ring::rand::{SecureRandom, SystemRandom};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    sync::Semaphore,
    time::timeout,
};

/// Validating name servers that are trusted. RFC 4035 §4.9.3: the AD bit is worth as much as the
/// way to the name server, so that it must be on loopback.
pub(crate) struct AdBit {
    servers: Vec<SocketAddr>,
    timeout: Duration,
    places: Semaphore,
}

/// So many questions are under way at once: each has a socket.
const AT_ONCE: usize = 256;

/// RFC 9715 §3.1.
const UDP_SIZE: u16 = 1232;

impl AdBit {
    pub(crate) fn new(servers: &[NameServer], timeout: Duration) -> Result<Self, BuildError> {
        let plain = |server: &NameServer| match server {
            NameServer::Plain(addr) if addr.ip().is_loopback() => Some(*addr),
            _ => None,
        };
        let servers: Option<Vec<_>> = servers.iter().map(plain).collect();
        match servers {
            Some(servers) if !servers.is_empty() => Ok(Self { servers, timeout, places: Semaphore::new(AT_ONCE) }),
            _ => Err(BuildError::DaneNeedsLoopback),
        }
    }

    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Result<SecureAnswer, DnsError> {
        let Ok(Ok(_place)) = timeout(self.timeout, self.places.acquire()).await else { return Err(DnsError::Timeout) };
        let share = self.timeout / u32::try_from(self.servers.len().max(1)).unwrap_or(u32::MAX);
        let mut error = DnsError::Unreachable;
        for server in &self.servers {
            match timeout(share, exchange(*server, name, kind)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(why)) => error = why,
                Err(_) => error = DnsError::Timeout,
            }
        }
        Err(error)
    }
}

async fn exchange(server: SocketAddr, name: &Name, kind: RecordType) -> Result<SecureAnswer, DnsError> {
    let question = question(name, kind)?;
    let octets = question.to_vec().map_err(|_| DnsError::Malformed)?;
    let mut reply = by_udp(server, &octets, &question).await?;
    if reply.metadata.truncation {
        reply = by_tcp(server, &octets, &question).await?;
    }
    match reply.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        code => return Err(DnsError::Response(code.into())),
    }
    let secure = reply.metadata.authentic_data;
    let answer = of_chain(name, kind, &reply.answers, |_| secure);
    Ok(answer.or_denied(&reply.authorities, secure))
}

fn question(name: &Name, kind: RecordType) -> Result<Message, DnsError> {
    let mut id = [0; 2];
    SystemRandom::new().fill(&mut id).map_err(|_| DnsError::Unreachable)?;
    let mut message = Message::new(u16::from_be_bytes(id), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    // RFC 6840 §5.7: asks for the AD bit without the signatures.
    message.metadata.authentic_data = true;
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_SIZE);
    message.set_edns(edns);
    message.add_query(Query::query(name.clone(), kind));
    Ok(message)
}

async fn by_udp(server: SocketAddr, octets: &[u8], question: &Message) -> Result<Message, DnsError> {
    let local: SocketAddr = if server.is_ipv4() { ([127, 0, 0, 1], 0).into() } else { ([0; 16], 0).into() };
    let unreachable = |_| DnsError::Unreachable;
    let socket = UdpSocket::bind(local).await.map_err(unreachable)?;
    socket.connect(server).await.map_err(unreachable)?;
    socket.send(octets).await.map_err(unreachable)?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(unreachable)?;
        if let Some(reply) = reply_to(question, &buffer[..length]) {
            return Ok(reply);
        }
    }
}

async fn by_tcp(server: SocketAddr, octets: &[u8], question: &Message) -> Result<Message, DnsError> {
    let unreachable = |_| DnsError::Unreachable;
    let mut stream = TcpStream::connect(server).await.map_err(unreachable)?;
    let length = u16::try_from(octets.len()).map_err(|_| DnsError::Malformed)?;
    stream.write_all(&[&length.to_be_bytes(), octets].concat()).await.map_err(unreachable)?;
    let length = stream.read_u16().await.map_err(unreachable)?;
    let mut buffer = vec![0; length.into()];
    stream.read_exact(&mut buffer).await.map_err(unreachable)?;
    reply_to(question, &buffer).ok_or(DnsError::Malformed)
}

/// The message if it answers this very question.
fn reply_to(question: &Message, octets: &[u8]) -> Option<Message> {
    let reply = Message::from_vec(octets).ok()?;
    let is_ours = reply.metadata.message_type == MessageType::Response
        && reply.metadata.id == question.metadata.id
        && reply.queries == question.queries;
    is_ours.then_some(reply)
}
