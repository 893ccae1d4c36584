//! The quoted character-strings of RFC 1035 §5.1, in which every octet can be written.

use crate::exit::Stop;
use core::ops::Range;

/// Some octets, and where in the line each comes from.
#[derive(Debug, Default)]
pub(crate) struct Quoted {
    pub(crate) octets: Vec<u8>,
    pub(crate) origins: Vec<Range<usize>>,
}

#[derive(Debug)]
pub(crate) struct Malformed {
    at: usize,
    what: &'static str,
}

impl Malformed {
    pub(crate) const fn new(at: usize, what: &'static str) -> Self {
        Self { at, what }
    }

    /// Names the file, the line and the column.
    pub(crate) fn stop(&self, line: &[u8], file: &str, number: usize) -> Stop {
        let column = String::from_utf8_lossy(&line[..self.at]).chars().count() + 1;
        Stop::usage(format!("{file}:{number}:{column}: {}", self.what))
    }
}

/// One or more strings with white space between them, joined.
pub(crate) fn strings(line: &[u8]) -> Result<Quoted, Malformed> {
    let mut quoted = Quoted::default();
    let mut at = 0;
    loop {
        match line.get(at) {
            None => return Ok(quoted),
            Some(b' ' | b'\t') => at += 1,
            Some(b'"') => at = string(line, at, &mut quoted)?,
            Some(_) => return Err(Malformed::new(at, "text outside the quotes")),
        }
    }
}

/// Adds the string whose quote opens at `open`; returns the offset behind the quote that closes.
pub(crate) fn string(line: &[u8], open: usize, quoted: &mut Quoted) -> Result<usize, Malformed> {
    let mut at = open + 1;
    loop {
        let (octet, len) = match line.get(at..).unwrap_or_default() {
            [] => return Err(Malformed::new(open, "this quote is not closed")),
            [b'"', ..] => return Ok(at + 1),
            [b'\\', digits @ ..] if digits.first().is_some_and(u8::is_ascii_digit) => {
                let malformed = Malformed::new(at, "digits after a backslash must be three, at most 255");
                (decimal(digits).ok_or(malformed)?, 4)
            }
            [b'\\', octet, ..] => (*octet, 2),
            [b'\\'] => return Err(Malformed::new(at, "nothing follows this backslash")),
            [octet, ..] => (*octet, 1),
        };
        quoted.octets.push(octet);
        quoted.origins.push(at..at + len);
        at += len;
    }
}

fn decimal(digits: &[u8]) -> Option<u8> {
    let digits = digits.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    core::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_can_be_written() {
        for octet in 0..=255_u8 {
            assert_eq!(strings(format!("\"a\\{octet:03}b\"").as_bytes()).unwrap().octets, [b'a', octet, b'b']);
            if !octet.is_ascii_digit() {
                assert_eq!(strings(&[b'"', b'\\', octet, b'"']).unwrap().octets, [octet]);
            }
        }
    }

    #[test]
    fn strings_are_joined_without_spaces() {
        assert_eq!(strings(b"\"v=STSv1; \" \t\"id=1;\" ").unwrap().octets, b"v=STSv1; id=1;");
        assert_eq!(strings(b"\"\"").unwrap().octets, b"");
    }
}
