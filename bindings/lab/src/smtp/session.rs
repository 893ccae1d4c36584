//! The server's side of an SMTP dialogue (RFC 5321, STARTTLS of RFC 3207).

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Mail, MxHost, SmtpEvent, SmtpSeen};
use crate::handshake::Hello;
use crate::world::Inner;

const IDLE: Duration = Duration::from_secs(120);
const LONGEST_LINE: usize = 4096;
const LARGEST_MAIL: usize = 256 * 1024;
const MOST_RECIPIENTS: usize = 100;

pub(crate) async fn serve(world: &Inner, host: &str, stream: TcpStream) {
    // Absent if the host has just been removed.
    let Some(config) = world.mx_hosts.config(host) else { return };
    let session = Session { world, host, config };
    session.log(SmtpEvent::Connected);
    // An error here is the client's end of the connection.
    let _ = session.run(stream).await;
}

struct Session<'a> {
    world: &'a Inner,
    host: &'a str,
    config: Arc<MxHost>,
}

/// What a client learnt or said so far; STARTTLS and EHLO forget it.
#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

/// The TLS of a connection, if it has any.
struct Secured {
    sni: Option<String>,
}

/// Why a dialogue ended.
enum End<S> {
    Closed,
    StartTls(S),
}

impl Session<'_> {
    async fn run(&self, stream: TcpStream) -> io::Result<()> {
        if let Some(delay) = self.config.greeting_delay {
            sleep(delay).await;
        }
        let mut lines = Lines::new(stream);
        lines.say(&format!("220 {} ESMTP mta-sts-lab", self.host)).await?;
        let End::StartTls(stream) = self.dialogue(lines, None).await? else {
            return Ok(());
        };
        self.log(SmtpEvent::StartTls);
        let Ok(hello) = Hello::read(stream).await else {
            self.log(SmtpEvent::TlsFailed);
            return Ok(());
        };
        let sni = hello.sni.clone();
        self.log(SmtpEvent::Sni(sni.clone()));
        let Some(tls) = hello.answer(&self.world.authority, self.host, &self.config.tls, &[]).await else {
            self.log(SmtpEvent::TlsFailed);
            return Ok(());
        };
        self.log(SmtpEvent::TlsOk);
        self.dialogue(Lines::new(tls), Some(Secured { sni })).await?;
        Ok(())
    }

    async fn dialogue<S>(&self, mut lines: Lines<S>, secured: Option<Secured>) -> io::Result<End<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let may_start_tls = self.config.starttls && secured.is_none();
        let mut envelope = Envelope::default();
        loop {
            let line = String::from_utf8_lossy(&lines.next().await?).into_owned();
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    envelope = Envelope::default();
                    let last = if may_start_tls { "\r\n250 STARTTLS" } else { "\r\n250 HELP" };
                    lines
                        .say(&format!(
                            "250-{}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE {LARGEST_MAIL}{last}",
                            self.host
                        ))
                        .await?;
                }
                "HELO" => {
                    envelope = Envelope::default();
                    lines.say(&format!("250 {}", self.host)).await?;
                }
                "STARTTLS" if may_start_tls => {
                    lines.say("220 go ahead").await?;
                    // What came along in plain text is dropped with the buffer: no commands slip in under TLS.
                    return Ok(End::StartTls(lines.stream));
                }
                "MAIL" => {
                    envelope = Envelope { from: Some(path(rest)), to: Vec::new() };
                    lines.say("250 2.1.0 ok").await?;
                }
                "RCPT" if envelope.from.is_none() => lines.say("503 5.5.1 MAIL first").await?,
                "RCPT" if envelope.to.len() >= MOST_RECIPIENTS => lines.say("452 4.5.3 too many").await?,
                "RCPT" => {
                    envelope.to.push(path(rest));
                    lines.say("250 2.1.5 ok").await?;
                }
                "DATA" if envelope.to.is_empty() => lines.say("503 5.5.1 RCPT first").await?,
                "DATA" => {
                    lines.say("354 end with a dot").await?;
                    let Some(data) = lines.data().await? else {
                        lines.say("552 5.3.4 too much").await?;
                        return Ok(End::Closed);
                    };
                    self.keep(std::mem::take(&mut envelope), secured.as_ref(), data);
                    lines.say("250 2.0.0 kept").await?;
                }
                "RSET" => {
                    envelope = Envelope::default();
                    lines.say("250 2.0.0 ok").await?;
                }
                "NOOP" => lines.say("250 2.0.0 ok").await?,
                "HELP" => lines.say("214 2.0.0 RFC 5321").await?,
                "QUIT" => {
                    self.log(SmtpEvent::Quit);
                    lines.say("221 2.0.0 bye").await?;
                    lines.stream.shutdown().await?;
                    return Ok(End::Closed);
                }
                _ => lines.say("502 5.5.1 not here").await?,
            }
        }
    }

    fn keep(&self, envelope: Envelope, secured: Option<&Secured>, data: Vec<u8>) {
        self.world.mails.push(Mail {
            host: self.host.to_owned(),
            tls: secured.is_some(),
            sni: secured.and_then(|secured| secured.sni.clone()),
            from: envelope.from.unwrap_or_default(),
            to: envelope.to,
            data,
        });
        self.log(SmtpEvent::Mail);
    }

    fn log(&self, event: SmtpEvent) {
        self.world.smtp.push(SmtpSeen { host: self.host.to_owned(), event, at: SystemTime::now() });
    }
}

/// The address in `FROM:<address> PARAMETERS`.
fn path(argument: &str) -> String {
    let argument = argument.split_once(':').map_or(argument, |(_, path)| path).trim_start();
    let address = match argument.strip_prefix('<') {
        Some(path) => path.split('>').next(),
        None => argument.split(' ').next(),
    };
    address.unwrap_or_default().to_owned()
}

/// A connection in lines.
struct Lines<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<S> {
    fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    async fn say(&mut self, reply: &str) -> io::Result<()> {
        let reply = format!("{reply}\r\n");
        timeout(IDLE, self.stream.write_all(reply.as_bytes())).await??;
        self.stream.flush().await
    }

    /// The next line without its end; one that is too long ends the connection.
    async fn next(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&octet| octet == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                line.pop_if(|last| *last == b'\r');
                return Ok(line);
            }
            if self.buffer.len() > LONGEST_LINE {
                self.say("500 5.5.2 line too long").await?;
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut piece = [0; 1024];
            match timeout(IDLE, self.stream.read(&mut piece)).await?? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.buffer.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// All lines up to the lone dot; `None` if they are too many.
    async fn data(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut data = Vec::new();
        while data.len() <= LARGEST_MAIL {
            let line = self.next().await?;
            match line.strip_prefix(b".") {
                Some([]) => return Ok(Some(data)),
                Some(unstuffed) => data.extend_from_slice(unstuffed),
                None => data.extend_from_slice(&line),
            }
            data.extend_from_slice(b"\r\n");
        }
        Ok(None)
    }
}
