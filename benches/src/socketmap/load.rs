//! The load generator: one thread, one epoll, and requests that wait on each connection.

use super::{MAP, domain, reply};
use mta_sts_core::socketmap::{Frame, MAX_REPLY, Request, decode};
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// What is asked, and how.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Connections.
    pub connections: usize,
    /// Requests that are under way on each.
    pub depth: usize,
    /// Domains that are asked for, in an order that hops about.
    pub domains: u32,
}

impl Load {
    /// Keeps the server busy for a time and gives the replies per second. Every reply must be a policy.
    ///
    /// # Errors
    /// What went wrong, as text.
    pub fn run(self, server: SocketAddr, time: Duration) -> Result<f64, String> {
        let mut clients = self.connect(server)?;
        clients.drive(Until::Time(time / 5))?;
        let began = Instant::now();
        let replies = clients.drive(Until::Time(time))?;
        let rate = replies as f64 / began.elapsed().as_secs_f64();
        // Some servers complain of clients that do not wait for their replies.
        clients.drive(Until::NothingOwed)?;
        Ok(rate)
    }

    /// Asks for every domain once or a little more often.
    ///
    /// # Errors
    /// What went wrong, as text.
    pub fn ask_all(self, server: SocketAddr) -> Result<(), String> {
        self.connect(server)?.drive(Until::Replies(u64::from(self.domains))).map(drop)
    }

    fn connect(self, server: SocketAddr) -> Result<Clients, String> {
        let failed = |e: io::Error| format!("{server}: {e}");
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
        let mut clients = Vec::new();
        for number in 0..self.connections {
            let stream = connect(server).map_err(failed)?;
            stream.set_nonblocking(true).map_err(failed)?;
            let data = EventData::new_u64(number as u64);
            epoll::add(&epoll, &stream, data, EventFlags::IN).map_err(|e| failed(e.into()))?;
            clients.push(Client { stream, received: Vec::with_capacity(1 << 16), owed: self.depth });
        }
        Ok(Clients { load: self, epoll, clients, next: 0, wire: Vec::new() })
    }
}

/// Asks for one key and waits for the reply's payload.
///
/// # Errors
/// If there is none.
pub fn ask(mut stream: &TcpStream, key: &str) -> io::Result<String> {
    let mut wire = Vec::new();
    Request { map: MAP.as_bytes(), key: key.as_bytes() }.encode(&mut wire);
    stream.write_all(&wire)?;
    wire.clear();
    let mut room = [0; 4096];
    loop {
        let frame = decode(&wire, MAX_REPLY).map_err(io::Error::other)?;
        if let Frame::Complete { payload, .. } = frame {
            return Ok(String::from_utf8_lossy(payload).into_owned());
        }
        match stream.read(&mut room)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            octets => wire.extend_from_slice(&room[..octets]),
        }
    }
}

/// Whether the server really answers for the domains that are asked.
///
/// # Errors
/// What it says instead.
pub fn check(server: SocketAddr, domains: u32) -> Result<(), String> {
    let failed = |e: io::Error| format!("{server}: {e}");
    let stream = connect(server).map_err(failed)?;
    for number in (0..domains).step_by((domains as usize / 50).max(1)) {
        let said = ask(&stream, &domain(number)).map_err(failed)?;
        // Some give the names in an order of their own.
        let sorted = |reply: &str| {
            let mut names: Vec<_> = reply.split([':', ' ', '=']).map(str::to_owned).collect();
            names.sort();
            names
        };
        if sorted(&said) != sorted(&reply(number)) {
            return Err(format!("{server} says {said:?} for {}", domain(number)));
        }
    }
    Ok(())
}

/// A connection on which nothing waits for more to send.
///
/// # Errors
/// As [`TcpStream::connect`].
pub fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(stream)
}

struct Clients {
    load: Load,
    epoll: rustix::fd::OwnedFd,
    clients: Vec<Client>,
    next: u32,
    wire: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    /// Requests to send.
    owed: usize,
}

#[derive(Clone, Copy)]
enum Until {
    Time(Duration),
    Replies(u64),
    NothingOwed,
}

impl Clients {
    fn drive(&mut self, until: Until) -> Result<u64, String> {
        let began = Instant::now();
        let mut replies = 0;
        let mut events = Vec::with_capacity(256);
        let asks = !matches!(until, Until::NothingOwed);
        for number in 0..self.clients.len() {
            self.send(number, asks)?;
        }
        loop {
            match until {
                Until::Time(time) if began.elapsed() >= time => return Ok(replies),
                Until::Replies(all) if replies >= all => return Ok(replies),
                Until::NothingOwed if self.clients.iter().all(|client| client.owed == self.load.depth) => {
                    return Ok(replies);
                }
                _ => {}
            }
            events.clear();
            let second = rustix::event::Timespec { tv_sec: 10, tv_nsec: 0 };
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&second)) {
                Ok(0) => return Err("no reply came in ten seconds".to_owned()),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.to_string()),
            }
            for event in &events {
                let number = event.data.u64() as usize;
                replies += self.clients[number].receive()?;
                self.send(number, asks)?;
            }
        }
    }

    fn send(&mut self, number: usize, asks: bool) -> Result<(), String> {
        if !asks {
            return Ok(());
        }
        self.wire.clear();
        for _ in 0..core::mem::take(&mut self.clients[number].owed) {
            // A prime, so that all have their turn and neighbours are far apart.
            self.next = (self.next + 7919) % self.load.domains;
            // Written by hand: the client shall cost little beside the server.
            let at = self.wire.len();
            self.wire.extend_from_slice(b"28:postfix d0000000.example.com,");
            let mut rest = self.next;
            for digit in self.wire[at + 12..at + 19].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        // So little fits into any socket's buffer.
        (&self.clients[number].stream).write_all(&self.wire).map_err(|e| e.to_string())
    }
}

impl Client {
    /// Takes the replies that are there.
    fn receive(&mut self) -> Result<u64, String> {
        let mut room = [0; 1 << 16];
        let octets = match self.stream.read(&mut room) {
            Ok(0) => return Err("the server closed a connection".to_owned()),
            Ok(octets) => octets,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(e) => return Err(e.to_string()),
        };
        let has_more_before = !self.received.is_empty();
        if has_more_before {
            self.received.extend_from_slice(&room[..octets]);
        }
        let input = if has_more_before { &self.received[..] } else { &room[..octets] };
        let (mut taken, mut replies) = (0, 0);
        while let Frame::Complete { payload, len } = decode(&input[taken..], MAX_REPLY).map_err(|e| e.to_string())? {
            if !payload.starts_with(b"OK secure match=") {
                return Err(format!("the server says {:?}", String::from_utf8_lossy(payload)));
            }
            taken += len;
            replies += 1;
        }
        if has_more_before {
            self.received.drain(..taken);
        } else {
            self.received.extend_from_slice(&room[taken..octets]);
        }
        self.owed += replies;
        Ok(replies as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_written_by_hand_is_one() {
        let mut wire = Vec::new();
        Request { map: MAP.as_bytes(), key: domain(0).as_bytes() }.encode(&mut wire);
        assert_eq!(wire, b"28:postfix d0000000.example.com,");
        assert_eq!(&wire[12..19], b"0000000");
    }
}
