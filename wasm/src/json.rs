//! Writes JSON. What it writes is small and of a known shape, so it needs no serialisation crate,
//! and nothing here is generic: each copy would be downloaded.

use core::{
    fmt::{Display, Write},
    mem,
};

/// An object under way. Ends with [`Object::end`].
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    fn key(&mut self, key: &str) -> &mut String {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        text(&mut self.0, key);
        self.0.push(':');
        &mut self.0
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key).push_str(json);
        self
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        text(self.key(key), value);
        self
    }

    pub(crate) fn optional_text(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.null(key),
        }
    }

    /// What people see of a value.
    pub(crate) fn shown(&mut self, key: &str, value: &dyn Display) -> &mut Self {
        let mut shown = String::new();
        // Writing to a String cannot fail.
        let _ = write!(shown, "{value}");
        self.text(key, &shown)
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) -> &mut Self {
        let _ = write!(self.key(key), "{value}");
        self
    }

    pub(crate) fn optional_number(&mut self, key: &str, value: Option<u64>) -> &mut Self {
        match value {
            Some(value) => self.number(key, value),
            None => self.null(key),
        }
    }

    pub(crate) fn size(&mut self, key: &str, value: usize) -> &mut Self {
        self.number(key, value as u64)
    }

    pub(crate) fn boolean(&mut self, key: &str, value: bool) -> &mut Self {
        self.raw(key, if value { "true" } else { "false" })
    }

    pub(crate) fn null(&mut self, key: &str) -> &mut Self {
        self.raw(key, "null")
    }

    /// The JSON. The object is of no use afterwards.
    pub(crate) fn end(&mut self) -> String {
        self.0.push('}');
        mem::take(&mut self.0)
    }
}

/// An array under way. Ends with [`Array::end`].
pub(crate) struct Array(String);

impl Array {
    pub(crate) fn new() -> Self {
        Self("[".to_owned())
    }

    fn item(&mut self) -> &mut String {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        &mut self.0
    }

    /// An item that is JSON already.
    pub(crate) fn raw(&mut self, json: &str) {
        self.item().push_str(json);
    }

    pub(crate) fn text(&mut self, value: &str) {
        text(self.item(), value);
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push(']');
        self.0
    }
}

fn text(json: &mut String, value: &str) {
    json.push('"');
    let mut rest = value;
    while let Some(at) = rest.bytes().position(|b| matches!(b, b'"' | b'\\' | ..b' ')) {
        let (plain, special) = rest.split_at(at);
        json.push_str(plain);
        let (special, after) = special.split_at(1);
        match special.as_bytes()[0] {
            b @ ..b' ' => {
                json.push_str(if b < 16 { "\\u000" } else { "\\u001" });
                json.push(char::from(b"0123456789abcdef"[usize::from(b % 16)]));
            }
            _ => {
                json.push('\\');
                json.push_str(special);
            }
        }
        rest = after;
    }
    json.push_str(rest);
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_string_is_escaped() {
        let mut array = Array::new();
        array.raw("1");
        array.text("\u{7f}\0");
        let mut object = Object::new();
        object.text("a", "\"\\\n\u{1b}ü").number("b", 1).optional_text("c", None).raw("d", &array.end());
        assert_eq!(object.end(), "{\"a\":\"\\\"\\\\\\u000a\\u001bü\",\"b\":1,\"c\":null,\"d\":[1,\"\u{7f}\\u0000\"]}");
        assert_eq!(Object::new().end(), "{}");
        assert_eq!(Array::new().end(), "[]");
    }
}
