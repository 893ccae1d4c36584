//! Writes JSON. What it writes is small and of a known shape, so it needs no serialisation crate.

use core::fmt::{self, Display, Write};

/// An object under way. Ends with [`Object::end`].
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    fn key(mut self, key: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        text(&mut self.0, key);
        self.0.push(':');
        self
    }

    /// A value that is JSON already.
    pub(crate) fn raw(self, key: &str, json: impl Display) -> Self {
        let mut object = self.key(key);
        // Writing to a String cannot fail.
        let _ = write!(object.0, "{json}");
        object
    }

    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        let mut object = self.key(key);
        text(&mut object.0, value);
        object
    }

    pub(crate) fn optional(self, key: &str, json: Option<impl Display>) -> Self {
        match json {
            Some(json) => self.raw(key, json),
            None => self.raw(key, "null"),
        }
    }

    pub(crate) fn optional_text(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    pub(crate) fn array<T: Display>(self, key: &str, items: impl IntoIterator<Item = T>) -> Self {
        let items = array(items);
        self.raw(key, items)
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

impl Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)?;
        f.write_char('}')
    }
}

/// An array of what is JSON already.
pub(crate) fn array<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut json = "[".to_owned();
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            json.push(',');
        }
        let _ = write!(json, "{item}");
    }
    json.push(']');
    json
}

/// A string as JSON.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = String::new();
        text(&mut json, self.0);
        f.write_str(&json)
    }
}

fn text(json: &mut String, value: &str) {
    json.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_string_is_escaped() {
        let object = Object::new().text("a", "\"\\\n\u{1b}ü").raw("b", 1).optional_text("c", None).array("d", [1, 2]);
        assert_eq!(object.end(), "{\"a\":\"\\\"\\\\\\u000a\\u001bü\",\"b\":1,\"c\":null,\"d\":[1,2]}");
    }
}
