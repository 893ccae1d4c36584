//! Stands before the lab's name server, and can be worse than it.

use super::{
    Result,
    tcp_front::{Tcp, TcpFront},
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    task::AbortHandle,
    time::{sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(2);
const LARGEST: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Dns {
    Pass,
    /// Answers come so much later.
    Slow(Duration),
    ServFail,
    Silent,
}

pub(super) struct DnsFront {
    addr: SocketAddr,
    mode: Arc<Mutex<Dns>>,
    tcp: TcpFront,
    task: AbortHandle,
}

impl DnsFront {
    pub(super) async fn start(server: SocketAddr) -> Result<Self> {
        let tcp = TcpFront::start("127.0.0.1:0".parse()?, server).await?;
        let addr = tcp.addr();
        let socket = Arc::new(UdpSocket::bind(addr).await?);
        let mode = Arc::new(Mutex::new(Dns::Pass));
        let task = tokio::spawn(serve(socket, server, mode.clone())).abort_handle();
        Ok(Self { addr, mode, tcp, task })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) async fn set(&self, mode: Dns) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
        let by_tcp = match mode {
            Dns::Pass => Tcp::Pass,
            Dns::Slow(pause) => Tcp::Slow(pause),
            Dns::ServFail => Tcp::Refuse,
            Dns::Silent => Tcp::Hole,
        };
        self.tcp.set(by_tcp).await;
    }
}

impl Drop for DnsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: Arc<UdpSocket>, server: SocketAddr, mode: Arc<Mutex<Dns>>) {
    let mut octets = [0; LARGEST];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut octets).await else {
            sleep(Duration::from_millis(1)).await;
            continue;
        };
        let question = octets[..length].to_vec();
        let now = *mode.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = socket.clone();
        match now {
            Dns::Silent => {}
            Dns::ServFail => {
                let _ = socket.send_to(&serv_fail(question), client).await;
            }
            Dns::Pass | Dns::Slow(_) => drop(tokio::spawn(async move {
                if let Dns::Slow(pause) = now {
                    sleep(pause).await;
                }
                if let Ok(Some(answer)) = timeout(PATIENCE, ask(server, &question)).await {
                    let _ = socket.send_to(&answer, client).await;
                }
            })),
        }
    }
}

async fn ask(server: SocketAddr, question: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.ok()?;
    socket.connect(server).await.ok()?;
    socket.send(question).await.ok()?;
    let mut answer = vec![0; LARGEST];
    let length = socket.recv(&mut answer).await.ok()?;
    answer.truncate(length);
    Some(answer)
}

/// RFC 1035 §4.1.1: QR and RA set, RCODE 2.
fn serv_fail(mut message: Vec<u8>) -> Vec<u8> {
    if let [_, _, first, second, ..] = &mut message[..] {
        *first |= 0x80;
        *second = 0x82;
    }
    message
}
