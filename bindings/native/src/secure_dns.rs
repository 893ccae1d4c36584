//! DNS questions whose answers come with the AD bit, which hickory's resolver does not ask for.

use crate::dns::DnsError;
use hickory_resolver::proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RData, RecordType},
};
use ring::rand::{SecureRandom, SystemRandom};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

pub(crate) struct SecureDns {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) timeout: Duration,
}

pub(crate) struct SecureAnswer {
    /// The data of the records of the type asked for.
    pub(crate) data: Vec<RData>,
    /// The server says that DNSSEC vouches for the answer, also if there is none.
    pub(crate) secure: bool,
}

/// RFC 9715 §3.1.
const UDP_SIZE: u16 = 1232;

impl SecureDns {
    pub(crate) async fn ask(&self, name: &Name, kind: RecordType) -> Result<SecureAnswer, DnsError> {
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
    let of_kind = reply.answers.into_iter().filter(|record| record.record_type() == kind);
    Ok(SecureAnswer { data: of_kind.map(|record| record.data).collect(), secure: reply.metadata.authentic_data })
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
