//! Octets of the outside, made safe to show: nothing here moves a cursor or hides.

use core::fmt::Write;
use std::path::Path;

/// The octets as text. Control characters and octets that are no UTF-8 become `\x07`, characters
/// that do not show become `\u{202e}`.
pub(crate) fn octets(octets: &[u8]) -> String {
    let mut shown = String::with_capacity(octets.len());
    for (_, piece) in pieces(octets) {
        write_piece(&mut shown, piece);
    }
    shown
}

/// The same for text.
pub(crate) fn text(text: &str) -> String {
    octets(text.as_bytes())
}

/// The same for a name, which would not be seen if it is empty.
pub(crate) fn name(name: &str) -> String {
    if name.is_empty() { "\"\"".to_owned() } else { text(name) }
}

/// The same for a file name.
pub(crate) fn path(path: &Path) -> String {
    octets(path.as_os_str().as_encoded_bytes())
}

/// The octets as a JSON string: only octets that are no UTF-8 are written `\xff`, since JSON has
/// an escape for all else.
pub(crate) fn for_json(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for (_, piece) in pieces(octets) {
        match piece {
            Piece::Char(c) => text.push(c),
            Piece::Octet(_) => write_piece(&mut text, piece),
        }
    }
    text
}

/// A character, or an octet that is none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece {
    Char(char),
    Octet(u8),
}

/// The pieces of some octets, each with its offset.
pub(crate) fn pieces(octets: &[u8]) -> impl Iterator<Item = (usize, Piece)> {
    let mut at = 0;
    octets.utf8_chunks().flat_map(move |chunk| {
        let start = at;
        let invalid = start + chunk.valid().len();
        at = invalid + chunk.invalid().len();
        let chars = chunk.valid().char_indices().map(move |(i, c)| (start + i, Piece::Char(c)));
        chars.chain(chunk.invalid().iter().enumerate().map(move |(i, &octet)| (invalid + i, Piece::Octet(octet))))
    })
}

pub(crate) fn write_piece(shown: &mut String, piece: Piece) {
    // Writing to a string cannot fail.
    let _ = match piece {
        Piece::Octet(octet) => write!(shown, "\\x{octet:02x}"),
        Piece::Char(c) if c.is_ascii_control() => write!(shown, "\\x{:02x}", u32::from(c)),
        Piece::Char(c) if is_visible(c) => write!(shown, "{c}"),
        Piece::Char(c) => write!(shown, "{}", c.escape_unicode()),
    };
}

/// Whether a character shows, by itself and as itself.
pub(crate) fn is_visible(c: char) -> bool {
    use unicode_width::UnicodeWidthChar;
    // escape_debug escapes what is not printable, as well as quotes and backslashes.
    let is_printable = c.escape_debug().len() == 1 || matches!(c, '"' | '\'' | '\\');
    is_printable && c.width().is_some_and(|width| width > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_hides_is_shown_as_itself() {
        for (given, shown) in [
            (&b"a \"b\" \\ c"[..], "a \"b\" \\ c"),
            (b"\x1b[31m\r\n\t\0\x7f", r"\x1b[31m\x0d\x0a\x09\x00\x7f"),
            (b"\xff\xc3", r"\xff\xc3"),
            ("b\u{fc}cher \u{65e5}".as_bytes(), "b\u{fc}cher \u{65e5}"),
            ("\u{202e}\u{feff}\u{a0}\u{9b}\u{301}\u{3164}".as_bytes(), r"\u{202e}\u{feff}\u{a0}\u{9b}\u{301}\u{3164}"),
        ] {
            assert_eq!(octets(given), shown);
        }
        let all: Vec<u8> = (0..=255).collect();
        assert!(!octets(&all).chars().any(char::is_control));
    }

    #[test]
    fn json_keeps_what_is_utf_8() {
        assert_eq!(for_json(b"a\x07\xc3\xbc\xff"), "a\x07\u{fc}\\xff");
    }
}
