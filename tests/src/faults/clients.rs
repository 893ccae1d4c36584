//! Socketmap clients.

use super::{
    oracle::{Unlearnt, Verdict},
    stage::Stage,
};
use mta_sts_core::socketmap::{Frame, MAX_REPLY, Reply, Request, decode};
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// Longer than anybody may wait for a reply.
const PATIENCE: Duration = Duration::from_secs(20);
const BEFORE_RETRY: Duration = Duration::from_millis(5);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Ok(String),
    NotFound,
    Temp(String),
    Other(String),
}

impl Answer {
    fn read(payload: &[u8]) -> Self {
        let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        match Reply::parse(payload) {
            Ok(Reply::Ok(value)) => Self::Ok(text(value)),
            // Postfix takes it without the space, too, but others do not.
            Ok(Reply::NotFound) if payload == b"NOTFOUND " => Self::NotFound,
            Ok(Reply::Temp(why)) => Self::Temp(text(why)),
            _ => Self::Other(text(payload)),
        }
    }
}

/// One connection.
pub(super) struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    pub(super) async fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, input: Vec::new() })
    }

    /// Asks for domains, all at once; the answers come in their order.
    ///
    /// # Errors
    /// If the connection ends before the next answer begins it is `ConnectionReset`; amid one,
    /// `UnexpectedEof`; without an answer in time, `TimedOut`.
    pub(super) async fn ask<'a>(&mut self, domains: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        let mut output = Vec::new();
        domains.into_iter().for_each(|name| Request { map: b"postfix", key: name.as_bytes() }.encode(&mut output));
        self.stream.write_all(&output).await.map_err(|_| ErrorKind::ConnectionReset.into())
    }

    pub(super) async fn answer(&mut self) -> io::Result<Answer> {
        timeout(PATIENCE, self.read()).await.map_err(|_| io::Error::from(ErrorKind::TimedOut))?
    }

    async fn read(&mut self) -> io::Result<Answer> {
        loop {
            match decode(&self.input, MAX_REPLY) {
                Ok(Frame::Complete { payload, len }) => {
                    let answer = Answer::read(payload);
                    self.input.drain(..len);
                    return Ok(answer);
                }
                Ok(Frame::Partial) => {}
                Err(_) => return Err(ErrorKind::InvalidData.into()),
            }
            // An error is an end: the daemon was killed.
            if self.stream.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                let amid = !self.input.is_empty();
                return Err(if amid { ErrorKind::UnexpectedEof } else { ErrorKind::ConnectionReset }.into());
            }
        }
    }
}

impl Stage {
    /// Asks for one domain by this connection, and judges the reply.
    ///
    /// # Errors
    /// If the connection came to its end.
    pub(super) async fn ask(&self, client: &mut Client, domain: &str, unlearnt: Unlearnt) -> io::Result<Answer> {
        let floor = self.oracle.floor(domain);
        let began = Instant::now();
        let asked = match client.ask([domain]).await {
            Ok(()) => client.answer().await,
            Err(error) => Err(error),
        };
        let took = began.elapsed();
        match asked {
            Ok(answer) => {
                self.figures.reply(&answer, floor.is_learnt(), took);
                match self.oracle.judge(domain, floor, &answer, unlearnt) {
                    Verdict::Right => {}
                    Verdict::Wrong(what) => self.figures.wrong(what),
                    Verdict::Lost(what) => self.figures.lost(what),
                }
                Ok(answer)
            }
            Err(error) => {
                if error.kind() == ErrorKind::ConnectionReset {
                    self.figures.closed();
                } else {
                    self.figures.wrong(format!("{domain}: no whole reply after {took:.0?}: {error}"));
                }
                Err(error)
            }
        }
    }

    /// Asks once for each domain, by so many connections. One that is closed is a violation.
    pub(super) async fn ask_all(
        self: &Arc<Self>,
        addr: SocketAddr,
        names: &[String],
        connections: usize,
        unlearnt: Unlearnt,
    ) {
        let mut shares = JoinSet::new();
        for share in names.chunks(names.len().div_ceil(connections).max(1)) {
            let (stage, share) = (self.clone(), share.to_vec());
            shares.spawn(async move {
                let asked: io::Result<()> = async {
                    let mut client = Client::connect(addr).await?;
                    for name in &share {
                        stage.ask(&mut client, name, unlearnt).await?;
                    }
                    Ok(())
                }
                .await;
                if let Err(error) = asked {
                    stage.figures.violation(format!("a connection was closed: {error}"));
                }
            });
        }
        while shares.join_next().await.is_some() {}
    }

    /// Asks until the newest policy of each domain was seen. One that is not in time is a violation.
    pub(super) async fn learn(self: &Arc<Self>, addr: SocketAddr, names: &[String], within: Duration) {
        let end = Instant::now() + within;
        loop {
            let left: Vec<_> = names.iter().filter(|name| !self.oracle.is_current(name)).cloned().collect();
            if left.is_empty() {
                return;
            }
            if Instant::now() >= end {
                let (count, one) = (left.len(), &left[0]);
                return self.figures.violation(format!("{count} domains were not learnt in {within:.0?}, as {one}"));
            }
            self.ask_all(addr, &left, 8, Unlearnt::NotFound).await;
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Clients that ask for domains at random until they are told to end.
    pub(super) fn load(self: &Arc<Self>, addr: SocketAddr, names: &[String], how: LoadOptions) -> Load {
        let ends = Arc::new(AtomicBool::new(false));
        let names: Arc<[String]> = names.into();
        let mut clients = JoinSet::new();
        for n in 0..how.clients {
            clients.spawn(ask_on(self.clone(), addr, names.clone(), how, Dice::new(n as u64), ends.clone()));
        }
        Load { ends, clients }
    }
}

#[derive(Clone, Copy)]
pub(super) struct LoadOptions {
    pub(super) clients: usize,
    /// Between two questions of a client.
    pub(super) pause: Duration,
    /// The daemon comes to its end meanwhile: connections are closed, and opened again.
    pub(super) may_close: bool,
    pub(super) unlearnt: Unlearnt,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { clients: 8, pause: Duration::from_millis(5), may_close: false, unlearnt: Unlearnt::NotFound }
    }
}

pub(super) struct Load {
    ends: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    pub(super) async fn end(mut self) {
        self.ends.store(true, Ordering::Relaxed);
        while self.clients.join_next().await.is_some() {}
    }
}

async fn ask_on(
    stage: Arc<Stage>,
    addr: SocketAddr,
    names: Arc<[String]>,
    how: LoadOptions,
    mut dice: Dice,
    ends: Arc<AtomicBool>,
) {
    let mut connected = None;
    while !ends.load(Ordering::Relaxed) {
        let client = match &mut connected {
            Some(client) => client,
            None => match Client::connect(addr).await {
                Ok(client) => connected.insert(client),
                Err(_) if how.may_close => {
                    sleep(BEFORE_RETRY).await;
                    continue;
                }
                Err(error) => return stage.figures.violation(format!("no connection: {error}")),
            },
        };
        let name = &names[dice.below(names.len())];
        if let Err(error) = stage.ask(client, name, how.unlearnt).await {
            connected = None;
            if !how.may_close {
                stage.figures.violation(format!("a connection was closed: {error}"));
            }
        }
        sleep(how.pause).await;
    }
}

/// Numbers without order, the same in each run. Marsaglia's xorshift.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ (seed + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9))
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}
