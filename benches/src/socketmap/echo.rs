//! Servers that give a fixed reply to everything: what the system, and the runtime, leave to be had.

use super::reply;
use mta_sts_core::socketmap::{Frame, MAX_REQUEST, Reply, decode};
use mta_sts_postfix::daemon::connection_threads;
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
};
use std::{
    collections::HashMap,
    future::pending,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::{Builder, Handle},
};

/// Room to read into.
const READ_SIZE: usize = 4096;

/// The fixed reply as it goes over the wire, as long as those for the domains.
fn wire() -> Vec<u8> {
    let mut wire = Vec::new();
    Reply::Ok(reply(0).trim_start_matches("OK ").as_bytes()).encode(&mut wire);
    wire
}

/// Drops the whole requests from `input` and puts the reply into `output` for each.
fn answer(input: &mut Vec<u8>, output: &mut Vec<u8>, reply: &[u8]) -> io::Result<()> {
    let mut taken = 0;
    while let Frame::Complete { len, .. } = decode(&input[taken..], MAX_REQUEST).map_err(io::Error::other)? {
        taken += len;
        output.extend_from_slice(reply);
    }
    input.drain(..taken);
    Ok(())
}

/// One thread, one epoll, nothing else.
///
/// # Errors
/// If the system refuses a socket.
pub fn bare(listener: &TcpListener) -> io::Result<()> {
    const LISTENER: u64 = u64::MAX;
    let reply = wire();
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    listener.set_nonblocking(true)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut clients: HashMap<u64, (TcpStream, Vec<u8>)> = HashMap::new();
    let (mut next, mut events, mut output) = (0, Vec::with_capacity(256), Vec::new());
    let mut room = [0; READ_SIZE];
    loop {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            let number = event.data.u64();
            if number == LISTENER {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                epoll::add(&epoll, &stream, EventData::new_u64(next), EventFlags::IN)?;
                clients.insert(next, (stream, Vec::new()));
                next += 1;
                continue;
            }
            let Some((stream, input)) = clients.get_mut(&number) else { continue };
            output.clear();
            let goes_on = match stream.read(&mut room) {
                Ok(0) => false,
                Ok(octets) => {
                    input.extend_from_slice(&room[..octets]);
                    answer(input, &mut output, &reply).and_then(|()| stream.write_all(&output)).is_ok()
                }
                Err(e) => e.kind() == io::ErrorKind::WouldBlock,
            };
            if !goes_on {
                clients.remove(&number);
            }
        }
    }
}

/// A task for each connection, on as many runtimes of one thread as the server has.
///
/// # Errors
/// If the system refuses a socket.
pub async fn on_runtimes(listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let threads = (0..connection_threads()).map(|_| thread()).collect::<io::Result<Vec<_>>>()?;
    for next in threads.iter().cycle() {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let stream = stream.into_std()?;
        next.spawn(async move {
            let Ok(mut stream) = tokio::net::TcpStream::from_std(stream) else { return };
            let reply = wire();
            let (mut input, mut output) = (Vec::new(), Vec::new());
            loop {
                input.reserve(READ_SIZE);
                match stream.read_buf(&mut input).await {
                    Ok(1..) if answer(&mut input, &mut output, &reply).is_ok() => {}
                    _ => return,
                }
                if stream.write_all(&output).await.is_err() {
                    return;
                }
                output.clear();
            }
        });
    }
    Ok(())
}

fn thread() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
}
