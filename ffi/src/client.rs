//! A client of the daemon, `mta-sts serve`: one question at a time, over its local socket.

mod connection;

mod question;

mod reply;

mod ruling;

pub use ruling::*;

use crate::{
    codes::{
        MTASTS_CLIENT_OPTION_DEADLINE, MTASTS_CLIENT_OPTION_PEER_UID, MTASTS_E_ABSENT, MTASTS_E_AGAIN,
        MTASTS_E_OUT_OF_TURN, MTASTS_E_UNAVAILABLE, MTASTS_E_VALUE, MTASTS_E_WAIT, MTASTS_EVENT_READ,
        MTASTS_EVENT_WRITE, MTASTS_INTENT_BEFORE_BOUNCE, MTASTS_INTENT_DELIVER, mtasts_client_option, mtasts_events,
        mtasts_intent, mtasts_result,
    },
    domain::domain,
    guard::{Given, Object, Result, guard, octets, opaque, out, uptime},
    text::{CText, mtasts_str},
};
use connection::{Address, Connection};
use core::{ffi::c_char, mem::MaybeUninit, time::Duration};
use question::{Link, Question};
use reply::NoRuling;
use std::os::fd::AsRawFd;

/// A connection to the daemon, `mta-sts serve`, for questions one after the other. It is not used
/// by two processes: one that was used before fork() is made anew in the child.
pub struct mtasts_client(Object<Client>);

opaque!(mtasts_client => Client);

pub(crate) struct Client {
    link: Link,
    deadline: Duration,
    question: Option<Question>,
    /// Why the last question has no answer.
    problem: Option<CText>,
}

impl Client {
    fn boxed(address: Option<Address>, connection: Option<Connection>) -> *mut mtasts_client {
        let link = Link { address, connection, peer_uid: None };
        mtasts_client::boxed(Self { link, deadline: Duration::from_secs(5), question: None, problem: None })
    }

    /// When a question that is asked now is over.
    fn end(&self) -> Duration {
        uptime() + self.deadline
    }

    fn begin(&mut self, name: &[u8], intent: mtasts_intent) -> Result<()> {
        if self.question.is_some() {
            return Err(MTASTS_E_OUT_OF_TURN);
        }
        let before_bounce = match intent {
            MTASTS_INTENT_DELIVER => false,
            MTASTS_INTENT_BEFORE_BOUNCE => true,
            _ => return Err(MTASTS_E_VALUE),
        };
        let question = Question::new(domain(name)?, before_bounce, self.end());
        self.problem = None;
        self.question.insert(question).begin(&mut self.link);
        Ok(())
    }

    /// Goes on as far as that is possible without waiting.
    fn go_on(&mut self) -> Result<Ruling> {
        let question = self.question.as_mut().ok_or(MTASTS_E_OUT_OF_TURN)?;
        match question.go_on(&mut self.link) {
            Ok(None) => Err(MTASTS_E_AGAIN),
            Ok(Some(ruling)) => {
                self.question = None;
                Ok(ruling)
            }
            Err(failed) => {
                self.question = None;
                Err(match failed {
                    NoRuling::Wait(problem) => self.no_ruling(MTASTS_E_WAIT, &problem),
                    NoRuling::Refused(problem) | NoRuling::OutOfStep(problem) => {
                        self.no_ruling(MTASTS_E_UNAVAILABLE, &problem)
                    }
                })
            }
        }
    }

    fn no_ruling(&mut self, result: mtasts_result, problem: &str) -> mtasts_result {
        self.problem = Some(CText::new(&[self.link.name(), ": ", problem].concat()));
        result
    }

    fn asked(&self) -> Result<&Question> {
        self.question.as_ref().ok_or(MTASTS_E_OUT_OF_TURN)
    }
}

/// Makes a client that asks the daemon at a socket, whose path is absolute, such as
/// "/run/mta-sts/mta-sts.sock". It connects when it is asked, and again if it has to. A path that
/// is not absolute, holds a NUL or is too long for a socket is MTASTS_E_VALUE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_client_new(
    path: *const c_char,
    path_len: usize,
    client: Option<&mut MaybeUninit<*mut mtasts_client>>,
) -> mtasts_result {
    guard(|| {
        let (path, client) = (octets!(path, path_len), out(client)?);
        client.write(Client::boxed(Some(Address::new(path).ok_or(MTASTS_E_VALUE)?), None));
        Ok(())
    })
}

/// Makes a client of a connected local stream socket, which was opened before chroot() for
/// example. The file descriptor becomes the client's, which makes it non-blocking and
/// close-on-exec. Once this connection is lost, there is no other. What is no such socket is
/// MTASTS_E_VALUE, and stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_new_from_fd(
    fd: i32,
    client: Option<&mut MaybeUninit<*mut mtasts_client>>,
) -> mtasts_result {
    guard(|| {
        let client = out(client)?;
        client.write(Client::boxed(None, Some(Connection::from_fd(fd)?)));
        Ok(())
    })
}

/// Changes a setting, for questions that are asked later. MTASTS_E_VALUE if the option is not
/// known, or the value is out of its range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_set(
    client: Option<&mut mtasts_client>,
    option: mtasts_client_option,
    value: u64,
) -> mtasts_result {
    guard(|| {
        let mut client = client.given()?;
        let value = u32::try_from(value).map_err(|_| MTASTS_E_VALUE)?;
        match option {
            MTASTS_CLIENT_OPTION_DEADLINE if value > 0 => client.deadline = Duration::from_millis(value.into()),
            // What the kernel says of a socket that is not connected.
            MTASTS_CLIENT_OPTION_PEER_UID if value < u32::MAX => client.link.peer_uid = Some(value),
            _ => return Err(MTASTS_E_VALUE),
        }
        Ok(())
    })
}

/// Connects now, unless the client is connected, and waits for that: for the deadline at most. For
/// a process that will chroot() or drop its privileges, or whose child will; a connection over
/// which nobody has asked may go to one child. MTASTS_E_UNAVAILABLE if there is no connection,
/// MTASTS_E_OUT_OF_TURN while a question is under way.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_connect(client: Option<&mut mtasts_client>) -> mtasts_result {
    guard(|| {
        let mut client = client.given()?;
        if client.question.is_some() {
            return Err(MTASTS_E_OUT_OF_TURN);
        }
        client.problem = None;
        let end = client.end();
        client.link.connect_until(end).map_err(|problem| client.no_ruling(MTASTS_E_UNAVAILABLE, &problem))
    })
}

/// Asks what is decided for a policy domain, and waits for the answer, for the deadline at most.
/// `intent` is MTASTS_INTENT_DELIVER or MTASTS_INTENT_BEFORE_BOUNCE, else MTASTS_E_VALUE.
///
/// MTASTS_E_DOMAIN: the name is no domain, so that no policy applies (RFC 8461 section 3.4); nobody
/// was asked. MTASTS_E_UNAVAILABLE: defer the message, unless the administrator has chosen
/// otherwise. MTASTS_E_WAIT: defer it. MTASTS_E_OUT_OF_TURN while a question is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_client_ask(
    client: Option<&mut mtasts_client>,
    name: *const c_char,
    name_len: usize,
    intent: mtasts_intent,
    ruling: Option<&mut MaybeUninit<*mut mtasts_ruling>>,
) -> mtasts_result {
    guard(|| {
        let (mut client, ruling) = (client.given()?, out(ruling)?);
        client.begin(octets!(name, name_len), intent)?;
        loop {
            client.asked()?.wait(&client.link);
            match client.go_on() {
                Err(MTASTS_E_AGAIN) => {}
                answer => {
                    ruling.write(mtasts_ruling::boxed(answer?));
                    return Ok(());
                }
            }
        }
    })
}

/// Begins to ask, without waiting. Then, until mtasts_client_continue() answers: wait for the
/// events of mtasts_client_events() at the file descriptor of mtasts_client_fd(), or for
/// mtasts_client_timeout(), whatever comes first, and call mtasts_client_continue(). What cannot
/// be asked is refused here, as by mtasts_client_ask(); MTASTS_E_UNAVAILABLE and MTASTS_E_WAIT come
/// from there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_client_start(
    client: Option<&mut mtasts_client>,
    name: *const c_char,
    name_len: usize,
    intent: mtasts_intent,
) -> mtasts_result {
    guard(|| client.given()?.begin(octets!(name, name_len), intent))
}

/// The file descriptor to wait at. It may be another after each mtasts_client_continue(), also
/// under the same number: register it anew. MTASTS_E_ABSENT while there is none: wait for the
/// time only. MTASTS_E_OUT_OF_TURN if no question is under way.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_fd(client: Option<&mtasts_client>, fd: Option<&mut MaybeUninit<i32>>) -> mtasts_result {
    guard(|| {
        let (client, fd) = (client.given()?, out(fd)?);
        client.asked()?;
        fd.write(client.link.connection.as_ref().ok_or(MTASTS_E_ABSENT)?.socket.as_raw_fd());
        Ok(())
    })
}

/// The events to wait for: MTASTS_EVENT_READ, MTASTS_EVENT_WRITE, or their sum. Errors and the
/// end of the connection count as either. MTASTS_E_ABSENT while there is no file descriptor,
/// MTASTS_E_OUT_OF_TURN if no question is under way.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_events(
    client: Option<&mtasts_client>,
    events: Option<&mut MaybeUninit<mtasts_events>>,
) -> mtasts_result {
    guard(|| {
        let (client, events) = (client.given()?, out(events)?);
        let is_sent = client.asked()?.is_sent();
        client.link.connection.as_ref().ok_or(MTASTS_E_ABSENT)?;
        events.write(if is_sent { MTASTS_EVENT_READ } else { MTASTS_EVENT_WRITE });
        Ok(())
    })
}

/// After so many milliseconds mtasts_client_continue() is called at the latest, whatever happens
/// at the file descriptor. MTASTS_E_OUT_OF_TURN if no question is under way.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_timeout(
    client: Option<&mtasts_client>,
    milliseconds: Option<&mut MaybeUninit<i64>>,
) -> mtasts_result {
    guard(|| {
        let (client, milliseconds) = (client.given()?, out(milliseconds)?);
        // Rounded up, so that the time is over then.
        let left = client.asked()?.patience(&client.link) + Duration::from_nanos(999_999);
        milliseconds.write(left.as_millis() as i64);
        Ok(())
    })
}

/// Goes on with the question without waiting. MTASTS_E_AGAIN: not yet; wait again. MTASTS_OK,
/// MTASTS_E_UNAVAILABLE and MTASTS_E_WAIT end the question. MTASTS_E_OUT_OF_TURN if none is under
/// way.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_continue(
    client: Option<&mut mtasts_client>,
    ruling: Option<&mut MaybeUninit<*mut mtasts_ruling>>,
) -> mtasts_result {
    guard(|| {
        let (mut client, ruling) = (client.given()?, out(ruling)?);
        ruling.write(mtasts_ruling::boxed(client.go_on()?));
        Ok(())
    })
}

/// Forgets the question that is under way, if there is one. Its connection is closed, so that the
/// answer cannot be taken for that of another question.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_cancel(client: Option<&mut mtasts_client>) {
    guard(|| {
        let mut client = client.given()?;
        if client.question.take().is_some() {
            client.link.connection = None;
        }
        Ok(())
    });
}

/// Why the last question was MTASTS_E_UNAVAILABLE or MTASTS_E_WAIT: one line for a log. It lives
/// until the client is asked again, or freed. MTASTS_E_ABSENT if there was a ruling.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_problem(
    client: Option<&mtasts_client>,
    problem: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let (client, problem) = (client.given()?, out(problem)?);
        problem.write(client.problem.as_ref().ok_or(MTASTS_E_ABSENT)?.get());
        Ok(())
    })
}

/// Frees a client, and closes its connection.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_free(client: Option<Box<mtasts_client>>) {
    guard(|| {
        drop(client);
        Ok(())
    });
}
