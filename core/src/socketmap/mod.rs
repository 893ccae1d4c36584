//! The socketmap protocol of Sendmail and Postfix: netstrings with a request or a reply in them.
//!
//! A codec without IO, for servers and clients alike. A request is `<map> <key>`, a reply is a
//! word and a text. Limits are those of Postfix's client.
//! ```
//! use mta_sts_core::socketmap::*;
//!
//! let mut wire = Vec::new();
//! Request { map: b"postfix", key: b"example.com" }.encode(&mut wire);
//! assert_eq!(wire, b"19:postfix example.com,");
//! let Frame::Complete { payload, len } = decode(&wire, MAX_REQUEST)? else { panic!() };
//! assert_eq!(len, wire.len());
//! assert_eq!(Request::parse(payload)?.key, b"example.com");
//!
//! let mut wire = Vec::new();
//! Reply::NotFound.encode(&mut wire);
//! assert_eq!(wire, b"9:NOTFOUND ,");
//! # Ok::<(), SocketmapError>(())
//! ```

mod policy_reply;

pub use policy_reply::{PolicyDecision, PolicyReply, PolicyReplyError};

use alloc::vec::Vec;
use core::{error::Error, fmt};
use nom::{
    IResult, Parser,
    bytes::complete::{tag, take_till},
    character::complete::char,
    combinator::rest,
    sequence::separated_pair,
};

/// The longest request, in octets of payload.
pub const MAX_REQUEST: usize = 10_000;
/// The longest reply, in octets of payload.
pub const MAX_REPLY: usize = 100_000;

/// What the octets received so far amount to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Frame<'a> {
    /// A whole netstring: its payload, and how many octets of the input it took.
    Complete {
        /// What is in it.
        payload: &'a [u8],
        /// Octets to drop from the front of the input.
        len: usize,
    },
    /// The beginning of one. More input is needed.
    Partial,
}

/// Reads the netstring at the front of `input`.
///
/// # Errors
/// [`SocketmapError`] as soon as `input` can no longer become a netstring of at most `max` octets,
/// so that a peer cannot make the caller wait or collect for nothing. Close the connection then.
pub fn decode(input: &[u8], max: usize) -> Result<Frame<'_>, SocketmapError> {
    let digits = input.iter().take_while(|b| b.is_ascii_digit()).count();
    // A length is written without leading zeros; it has as many digits as the limit at most.
    let length =
        input[..digits].iter().fold(0_usize, |n, d| n.saturating_mul(10).saturating_add(usize::from(d - b'0')));
    match (&input[..digits], input.get(digits)) {
        ([], Some(_)) | ([b'0', _, ..], _) => return Err(SocketmapError::BadLength),
        _ if length > max => return Err(SocketmapError::TooLong),
        (_, None) => return Ok(Frame::Partial),
        (_, Some(b':')) => {}
        (_, Some(_)) => return Err(SocketmapError::BadLength),
    }
    let start = digits + 1;
    match (input.get(start..start + length), input.get(start + length)) {
        (Some(payload), Some(b',')) => Ok(Frame::Complete { payload, len: start + length + 1 }),
        (_, Some(_)) => Err(SocketmapError::NoComma),
        (_, None) => Ok(Frame::Partial),
    }
}

fn encode(payload: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = payload.iter().map(|part| part.len()).sum();
    // Room for the digits as well.
    out.reserve(length + 22);
    let mut power = 1;
    while length / power >= 10 {
        power *= 10;
    }
    while power > 0 {
        out.push(b'0' + (length / power % 10) as u8);
        power /= 10;
    }
    out.push(b':');
    payload.iter().for_each(|part| out.extend_from_slice(part));
    out.push(b',');
}

/// A request: look `key` up in `map`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Request<'a> {
    /// The name of the map. It holds no space.
    pub map: &'a [u8],
    /// The key: any octets.
    pub key: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`SocketmapError::NoSpace`] if there is no space between map and key.
    pub fn parse(payload: &'a [u8]) -> Result<Self, SocketmapError> {
        let parsed: IResult<&[u8], (&[u8], &[u8])> =
            separated_pair(take_till(|b| b == b' '), char(' '), rest).parse(payload);
        let (_, (map, key)) = parsed.map_err(|_| SocketmapError::NoSpace)?;
        Ok(Self { map, key })
    }

    /// Appends the request as a netstring.
    pub fn encode(self, out: &mut Vec<u8>) {
        encode(&[self.map, b" ", self.key], out);
    }
}

/// A reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reply<'a> {
    /// The value that was found.
    Ok(&'a [u8]),
    /// The map has no such key.
    NotFound,
    /// A temporary failure, and its reason.
    Temp(&'a [u8]),
    /// The lookup took too long.
    Timeout(&'a [u8]),
    /// A permanent failure, and its reason.
    Perm(&'a [u8]),
}

impl<'a> Reply<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`SocketmapError::BadReply`] if it begins with no known word and a space.
    pub fn parse(payload: &'a [u8]) -> Result<Self, SocketmapError> {
        fn text<'a>(word: &'static str, payload: &'a [u8]) -> Option<&'a [u8]> {
            let parsed: IResult<&[u8], &[u8]> = tag(word)(payload);
            parsed.ok().map(|(text, _)| text)
        }
        // Postfix takes a bare word, too.
        if payload == b"NOTFOUND" || text("NOTFOUND ", payload).is_some() {
            return Ok(Self::NotFound);
        }
        let ok = text("OK ", payload).map(Self::Ok);
        let temp = || text("TEMP ", payload).map(Self::Temp);
        let timeout = || text("TIMEOUT ", payload).map(Self::Timeout);
        let perm = || text("PERM ", payload).map(Self::Perm);
        ok.or_else(temp).or_else(timeout).or_else(perm).ok_or(SocketmapError::BadReply)
    }

    /// Appends the reply as a netstring.
    pub fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Ok(value) => encode(&[b"OK ", value], out),
            // The space belongs to the protocol, also with nothing after it.
            Self::NotFound => encode(&[b"NOTFOUND "], out),
            Self::Temp(reason) => encode(&[b"TEMP ", reason], out),
            Self::Timeout(reason) => encode(&[b"TIMEOUT ", reason], out),
            Self::Perm(reason) => encode(&[b"PERM ", reason], out),
        }
    }
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SocketmapError {
    /// No length, a length with a leading zero, or something else than a colon after it.
    BadLength,
    /// A reply with an unknown first word.
    BadReply,
    /// No comma after the payload.
    NoComma,
    /// A request without a space between map and key.
    NoSpace,
    /// A length over the limit.
    TooLong,
}

impl fmt::Display for SocketmapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadLength => "netstring without a proper length",
            Self::BadReply => "socketmap reply with an unknown status",
            Self::NoComma => "netstring without its final comma",
            Self::NoSpace => "socketmap request without a space between map and key",
            Self::TooLong => "netstring over the size limit",
        })
    }
}

impl Error for SocketmapError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netstring_arrives_in_any_pieces() {
        let wire = b"5:a b c,3:x y,";
        for cut in 0..8 {
            assert_eq!(decode(&wire[..cut], 10), Ok(Frame::Partial), "{cut}");
        }
        assert_eq!(decode(wire, 10), Ok(Frame::Complete { payload: b"a b c", len: 8 }));
        assert_eq!(decode(b"0:,", 10), Ok(Frame::Complete { payload: b"", len: 3 }));
    }

    #[test]
    fn what_cannot_become_a_netstring_fails_at_once() {
        use SocketmapError::*;
        for (wire, error) in [
            (&b"x"[..], BadLength),
            (b":", BadLength),
            (b"-1:", BadLength),
            (b"01:a,", BadLength),
            (b"11", TooLong),
            (b"99999999999999999999999999", TooLong),
            (b"1x", BadLength),
            (b"1:ab", NoComma),
        ] {
            assert_eq!(decode(wire, 10), Err(error), "{wire:?}");
        }
    }

    #[test]
    fn requests_and_replies_survive_the_wire() {
        let request = Request { map: b"QUERY", key: b"a b" };
        let mut wire = Vec::new();
        request.encode(&mut wire);
        let Ok(Frame::Complete { payload, .. }) = decode(&wire, MAX_REQUEST) else { panic!() };
        assert_eq!(Request::parse(payload), Ok(request));
        assert_eq!(Request::parse(b"x"), Err(SocketmapError::NoSpace));
        for reply in [Reply::Ok(b"secure"), Reply::NotFound, Reply::Temp(b"t"), Reply::Timeout(b""), Reply::Perm(b"p")]
        {
            let mut wire = Vec::new();
            reply.encode(&mut wire);
            let Ok(Frame::Complete { payload, .. }) = decode(&wire, MAX_REPLY) else { panic!() };
            assert_eq!(Reply::parse(payload), Ok(reply));
        }
        assert_eq!(Reply::parse(b"OKAY"), Err(SocketmapError::BadReply));
    }
}
