//! Gives each MX host an address and a listener.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use tokio::net::TcpSocket;
use tokio::runtime::Handle;

use super::{MxHost, session};
use crate::sync::{Task, accept, locked};
use crate::world::Inner;

/// The first address is the reservation's.
const FIRST_HOST: u16 = 2;
/// Of 127.77.0.0/16; more would wrap around into addresses still in use.
const LAST_HOST: u16 = u16::MAX - 1;

/// All MX hosts of a lab. They share a port number, so that one setting of a sender leads to all of them.
pub(crate) struct MxHosts {
    port: u16,
    /// Holds the port at an address that no host gets, so that another lab on this machine takes another port.
    _reservation: TcpSocket,
    runtime: Handle,
    state: Mutex<State>,
}

struct State {
    hosts: HashMap<String, Entry>,
    next: u16,
    stopped: bool,
}

struct Entry {
    address: Ipv4Addr,
    config: Arc<MxHost>,
    listener: Option<Task>,
}

impl MxHosts {
    /// To be called in the runtime that is to serve.
    pub(crate) fn reserve(port: u16) -> io::Result<Self> {
        let reservation = TcpSocket::new_v4()?;
        reservation.bind((Ipv4Addr::new(127, 77, 0, 1), port).into())?;
        Ok(Self {
            port: reservation.local_addr()?.port(),
            _reservation: reservation,
            runtime: Handle::current(),
            state: Mutex::new(State { hosts: HashMap::new(), next: FIRST_HOST, stopped: false }),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self, name: &str) -> Option<Ipv4Addr> {
        locked(&self.state).hosts.get(name).map(|entry| entry.address)
    }

    pub(crate) fn config(&self, name: &str) -> Option<Arc<MxHost>> {
        locked(&self.state).hosts.get(name).map(|entry| entry.config.clone())
    }

    pub(crate) fn clear(&self) {
        locked(&self.state).hosts.clear();
    }

    pub(crate) fn stop(&self) {
        let mut state = locked(&self.state);
        state.hosts.clear();
        state.stopped = true;
    }

    /// Adds or replaces a host. It keeps its address unless it stops to listen: a listener takes a moment to go, at
    /// an address never listened at a connection is refused at once.
    pub(crate) fn set(&self, world: &Arc<Inner>, name: &str, config: MxHost) -> io::Result<Ipv4Addr> {
        let mut state = locked(&self.state);
        if state.stopped {
            return Err(io::Error::other("the lab has been stopped"));
        }
        let reachable = config.reachable;
        let config = Arc::new(config);
        if let Some(entry) = state.hosts.get_mut(name)
            && entry.listener.is_some() == reachable
        {
            entry.config = config;
            return Ok(entry.address);
        }
        let unused = state.hosts.get(name).filter(|entry| entry.listener.is_none()).map(|entry| entry.address);
        let address = match unused {
            Some(address) => address,
            None => state.allot()?,
        };
        let listener = if reachable { Some(self.listen(world, name, address)?) } else { None };
        state.hosts.insert(name.to_owned(), Entry { address, config, listener });
        Ok(address)
    }

    fn listen(&self, world: &Arc<Inner>, name: &str, address: Ipv4Addr) -> io::Result<Task> {
        let listener = TcpListener::bind((address, self.port))?;
        listener.set_nonblocking(true)?;
        let _context = self.runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (world, name) = (world.clone(), name.to_owned());
        let serve = accept(listener, move |stream| {
            let (world, name) = (world.clone(), name.clone());
            async move { session::serve(&world, &name, stream).await }
        });
        Ok(Task(self.runtime.spawn(serve).abort_handle()))
    }
}

impl State {
    fn allot(&mut self) -> io::Result<Ipv4Addr> {
        let number = self.next;
        if number >= LAST_HOST {
            return Err(io::Error::other("no loopback address is left for another MX host"));
        }
        self.next += 1;
        let [high, low] = number.to_be_bytes();
        Ok(Ipv4Addr::new(127, 77, high, low))
    }
}
