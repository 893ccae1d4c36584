//! TXT records as people have them: one a line, bare or in the presentation format of RFC 1035 §5.1.

use crate::{
    exit::Stop,
    output::escape,
    quoted::{self, Quoted},
};
use core::ops::Range;

/// A record, and where in the file it comes from.
#[derive(Debug)]
pub(super) struct SourceRecord<'a> {
    /// The number of its line, from 1.
    pub(super) number: usize,
    /// Its line, without the terminator.
    pub(super) line: &'a [u8],
    /// Its text: the character-strings joined.
    pub(super) text: Vec<u8>,
    /// Where in the line each octet of the text comes from.
    origins: Vec<Range<usize>>,
}

impl SourceRecord<'_> {
    /// The part of the line that a part of the text comes from.
    pub(super) fn origin(&self, span: Range<usize>) -> Range<usize> {
        let end_of_text = self.origins.last().map_or(0, |last| last.end);
        let start = self.origins.get(span.start).map_or(end_of_text, |origin| origin.start);
        let last = span.end.checked_sub(1).filter(|_| !span.is_empty()).and_then(|last| self.origins.get(last));
        start..last.map_or(start, |origin| origin.end)
    }
}

/// All records of a file. Blank lines are none.
pub(super) fn read<'a>(file: &'a [u8], name: &str) -> Result<Vec<SourceRecord<'a>>, Stop> {
    let lines = || file.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).zip(1..);
    let is_quoted = |line: &[u8]| line.starts_with(b"\"");
    let from_dig = lines().any(|(line, _)| is_quoted(line));
    let mut records = Vec::new();
    for (line, number) in lines() {
        if is_quoted(line) {
            let Quoted { octets: text, origins } = quoted::strings(line).map_err(|e| e.stop(line, name, number))?;
            records.push(SourceRecord { number, line, text, origins });
        } else if line.starts_with(b";;") {
            // What dig writes in place of an answer; "no record" would be the wrong thing to learn.
            let said = escape::octets(line[2..].trim_ascii());
            return Err(Stop::unknown(format!("{name}:{number}: this is a message of dig, not an answer: {said}")));
        } else if !(line.trim_ascii().is_empty() || from_dig && is_alias(line)) {
            let origins = (0..line.len()).map(|i| i..i + 1).collect();
            records.push(SourceRecord { number, line, text: line.to_vec(), origins });
        }
    }
    Ok(records)
}

/// `dig +short` gives the target of each CNAME a line of its own.
fn is_alias(line: &[u8]) -> bool {
    line.ends_with(b".") && line.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(file: &[u8]) -> Vec<Vec<u8>> {
        read(file, "f").unwrap().into_iter().map(|record| record.text).collect()
    }

    #[test]
    fn lines_are_records_and_strings_are_joined() {
        assert_eq!(texts(b""), Vec::<Vec<u8>>::new());
        assert_eq!(texts(b"\n \r\n"), Vec::<Vec<u8>>::new());
        assert_eq!(texts(b"\"\"\n"), [b""]);
        assert_eq!(texts(b"a b\r\n c"), [&b"a b"[..], b" c"]);
        assert_eq!(texts(b"\"v=STSv1; \"  \"id=1;\" \n"), [b"v=STSv1; id=1;"]);
        assert_eq!(texts(b"_mta-sts.host.example.\n\"v=STSv1; id=1;\"\n"), [b"v=STSv1; id=1;"]);
        assert_eq!(texts(b"_mta-sts.host.example.\n"), [b"_mta-sts.host.example."]);
    }

    #[test]
    fn malformed_lines_say_where() {
        for (line, place) in [
            ("\"a", "f:1:1: this"),
            ("\"a\" b", "f:1:5: text"),
            ("\"é\\25\"", "f:1:3: digits"),
            ("\"\\256\"", "f:1:2: digits"),
            ("x\n\"a\\", "f:2:3: nothing"),
        ] {
            let stop = read(line.as_bytes(), "f").unwrap_err();
            assert!(stop.message.starts_with(place), "{line}: {}", stop.message);
        }
    }

    #[test]
    fn a_span_of_the_text_is_found_in_the_line() {
        let records = read(b"\"ab\" \"\\099d\"", "f").unwrap();
        let record = &records[0];
        assert_eq!(record.text, b"abcd");
        assert_eq!(record.origin(1..3), 2..10);
        assert_eq!(record.origin(4..4), 11..11);
        assert_eq!(record.origin(0..0), 1..1);
    }
}
