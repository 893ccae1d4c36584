//! Stands before a TCP server, and can be worse than it.

use super::Result;
use std::{future::pending, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::sleep,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tcp {
    Pass,
    /// Each piece waits so long, in both directions.
    Slow(Duration),
    /// What the server says arrives an octet at a time, with this pause before each.
    Drip(Duration),
    /// Connections are accepted, and nothing comes of them.
    Hole,
    /// Connections are refused, and those that are there end.
    Refuse,
}

pub(super) struct TcpFront {
    addr: SocketAddr,
    wanted: watch::Sender<Tcp>,
    reached: watch::Receiver<Tcp>,
    task: AbortHandle,
}

impl TcpFront {
    pub(super) async fn start(listen: SocketAddr, server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let (wanted, wants) = watch::channel(Tcp::Pass);
        let (reaches, reached) = watch::channel(Tcp::Pass);
        let task = tokio::spawn(run(listener, addr, server, wants, reaches)).abort_handle();
        Ok(Self { addr, wanted, reached, task })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Is so from now on, for the connections that are there as well.
    pub(super) async fn set(&self, mode: Tcp) {
        self.wanted.send_replace(mode);
        // An error means that it has ended, which the clients will find out.
        let _ = self.reached.clone().wait_for(|reached| *reached == mode).await;
    }
}

impl Drop for TcpFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    listener: TcpListener,
    addr: SocketAddr,
    server: SocketAddr,
    mut wants: watch::Receiver<Tcp>,
    reaches: watch::Sender<Tcp>,
) {
    let mut listener = Some(listener);
    let mut open = JoinSet::new();
    loop {
        let mode = *wants.borrow_and_update();
        if mode == Tcp::Refuse {
            listener = None;
            open.shutdown().await;
        } else if listener.is_none() {
            listener = TcpListener::bind(addr).await.ok();
            if listener.is_none() {
                sleep(Duration::from_millis(5)).await;
                continue;
            }
        }
        reaches.send_replace(mode);
        let accept = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => pending().await,
            }
        };
        tokio::select! {
            changed = wants.changed() => if changed.is_err() { return },
            accepted = accept => if let Ok((client, _)) = accepted {
                open.spawn(serve(client, server, wants.clone()));
            },
            Some(_) = open.join_next() => {}
        }
    }
}

async fn serve(client: TcpStream, server: SocketAddr, mode: watch::Receiver<Tcp>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
    tokio::join!(carry(client_in, server_out, mode.clone(), false), carry(server_in, client_out, mode, true));
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Tcp>, to_client: bool) {
    let mut octets = vec![0; 8192];
    while let Ok(length @ 1..) = from.read(&mut octets).await {
        let mut left = &octets[..length];
        while !left.is_empty() {
            let now = *mode.borrow_and_update();
            let piece = match now {
                Tcp::Drip(pause) if to_client => {
                    sleep(pause).await;
                    1
                }
                Tcp::Slow(pause) => {
                    sleep(pause).await;
                    left.len()
                }
                Tcp::Hole => {
                    if mode.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                _ => left.len(),
            };
            if to.write_all(&left[..piece]).await.is_err() {
                return;
            }
            left = &left[piece..];
        }
    }
}
