//! A small internet on loopback to test MTA-STS (RFC 8461) senders against.
//!
//! A [`Lab`] is a recursive name server, an HTTPS server for policy hosts, an SMTP server with STARTTLS for MX hosts
//! and a private CA, all in this process and all on loopback. What they serve is a [`World`], which may change while
//! they run: good certificates and bad ones ([`Tls`]), whole answers and broken ones ([`Response`], [`Answer`]).
//! A sender needs no hooks for it, only settings: a name server, a CA file and two port numbers.
//!
//! ```
//! use mta_sts_lab::{Lab, MxHost, PolicyHost, Tls};
//! use tokio::{io::AsyncReadExt, net::TcpStream};
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let lab = Lab::start().await?;
//! let world = lab.world();
//!
//! // A domain that enforces, with one good MX host and one that shows an expired certificate.
//! world.txt("_mta-sts.enforce.test", &["v=STSv1; id=1;"]);
//! let policy = "version: STSv1\nmode: enforce\nmx: *.enforce.test\nmax_age: 86400\n";
//! world.policy_host("mta-sts.enforce.test", PolicyHost::serving(policy));
//! world.mx("enforce.test", &[(10, "old.enforce.test"), (20, "good.enforce.test")]);
//! world.mx_host("old.enforce.test", Tls::Expired.into())?;
//! let address = world.mx_host("good.enforce.test", MxHost::default())?;
//!
//! // Point a sender at lab.dns_addr(), lab.https_port(), lab.smtp_port() and lab.ca_pem(); or look for yourself:
//! let mut smtp = TcpStream::connect((address, lab.smtp_port())).await?;
//! let mut greeting = [0; 22];
//! smtp.read_exact(&mut greeting).await?;
//! assert_eq!(&greeting, b"220 good.enforce.test ");
//! assert_eq!(world.smtp_log()[0].host, "good.enforce.test");
//! # Ok(())
//! # }
//! ```
//!
//! Linux has all of 127.0.0.0/8 on loopback. Elsewhere the addresses 127.77.0.2 and up, which MX hosts get, may have
//! to be added to the loopback interface first.

#![forbid(unsafe_code)]

mod dns;
mod handshake;
mod https;
mod lab;
mod pki;
mod smtp;
mod sync;
mod world;

pub use dns::{Answer, Record, RecordType};
pub use https::{Address, Framing, HelloSeen, HttpSeen, PolicyHost, Reply, Response, WELL_KNOWN};
pub use lab::{Lab, Ports};
pub use pki::{San, Tls};
pub use smtp::{Mail, MxHost, SmtpEvent, SmtpSeen};
pub use world::World;
