//! Starts and stops the servers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::pki::Authority;
use crate::smtp::MxHosts;
use crate::sync::Task;
use crate::world::{Inner, World};
use crate::{dns, https};

/// The servers, running. Dropping it stops them and closes their connections.
pub struct Lab {
    world: World,
    dns_addr: SocketAddr,
    https_port: u16,
    has_ipv6: bool,
    _servers: Vec<Task>,
}

/// Where the servers listen; 0 is any free port.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ports {
    /// The name server's, UDP and TCP.
    pub dns: u16,
    /// That of all policy hosts.
    pub https: u16,
    /// That of all MX hosts.
    pub smtp: u16,
}

impl Lab {
    /// Starts all servers on free ports. They run on the calling runtime.
    ///
    /// # Errors
    ///
    /// When the machine gives no ports on loopback.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Ports::default()).await
    }

    /// Starts all servers on these ports. They run on the calling runtime.
    ///
    /// # Errors
    ///
    /// When a port is taken or not allowed.
    pub async fn start_with(ports: Ports) -> io::Result<Self> {
        let (udp, tcp) = dns::bind(ports.dns).await?;
        let (v4, v6) = https::bind(ports.https).await?;
        let (dns_addr, https_port, has_ipv6) = (udp.local_addr()?, v4.local_addr()?.port(), v6.is_some());
        let world = Arc::new(Inner::new(Authority::new()?, MxHosts::reserve(ports.smtp)?));

        let mut servers = vec![
            Task(tokio::spawn(dns::serve_udp(world.clone(), udp)).abort_handle()),
            Task(tokio::spawn(dns::serve_tcp(world.clone(), tcp)).abort_handle()),
            Task(tokio::spawn(https::serve(world.clone(), v4)).abort_handle()),
        ];
        if let Some(v6) = v6 {
            servers.push(Task(tokio::spawn(https::serve(world.clone(), v6)).abort_handle()));
        }
        Ok(Self { world: World(world), dns_addr, https_port, has_ipv6, _servers: servers })
    }

    /// The name server: UDP and TCP at 127.0.0.1.
    #[must_use]
    pub fn dns_addr(&self) -> SocketAddr {
        self.dns_addr
    }

    /// The port of all policy hosts, at 127.0.0.1 and, with IPv6, ::1.
    #[must_use]
    pub fn https_port(&self) -> u16 {
        self.https_port
    }

    /// The port of all MX hosts, each at an address of its own in 127.77.0.0/16.
    #[must_use]
    pub fn smtp_port(&self) -> u16 {
        self.world.0.mx_hosts.port()
    }

    /// The root certificate that clients are to trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.world.0.authority.root_pem()
    }

    /// Policy hosts are at ::1 too.
    #[must_use]
    pub fn has_ipv6(&self) -> bool {
        self.has_ipv6
    }

    /// What the servers serve and have seen.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Clones of the world may live on.
        self.world.0.mx_hosts.stop();
    }
}
