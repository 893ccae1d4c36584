//! One DNS question with the AD bit, to one name server.

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RecordType},
};
use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout},
};

const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Answered {
    pub(super) took: Duration,
    pub(super) code: ResponseCode,
    /// The server says that DNSSEC vouches for the answer.
    pub(super) secure: bool,
}

/// Asks for the SOA record of a name.
pub(super) async fn soa(server: SocketAddr, name: &str) -> Result<Answered, &'static str> {
    let mut name = Name::from_ascii(name).map_err(|_| "that is no name")?;
    name.set_fqdn(true);
    // Every state is keyed at random.
    let id = RandomState::new().hash_one(0) as u16;
    let mut question = Message::new(id, MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    // RFC 6840 §5.7: asks for the AD bit without the signatures.
    question.metadata.authentic_data = true;
    let mut edns = Edns::new();
    // RFC 9715 §3.1.
    edns.set_max_payload(1232);
    question.set_edns(edns);
    question.add_query(Query::query(name, RecordType::SOA));
    let octets = question.to_vec().map_err(|_| "that is no name")?;
    let began = Instant::now();
    let exchange = async {
        let local: SocketAddr =
            if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        let unreachable = |_| "it cannot be reached";
        let socket = UdpSocket::bind(local).await.map_err(unreachable)?;
        socket.connect(server).await.map_err(unreachable)?;
        socket.send(&octets).await.map_err(unreachable)?;
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).await.map_err(unreachable)?;
            let reply = buffer.get(..length).and_then(|octets| Message::from_vec(octets).ok());
            let Some(reply) = reply.filter(|reply| reply.metadata.id == id && reply.queries == question.queries) else {
                continue;
            };
            if reply.metadata.message_type == MessageType::Response {
                return Ok::<_, &'static str>(reply.metadata);
            }
        }
    };
    let head = timeout(PATIENCE, exchange).await.map_err(|_| "no answer in 5 seconds")??;
    Ok(Answered { took: began.elapsed(), code: head.response_code, secure: head.authentic_data })
}
