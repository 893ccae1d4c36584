//! A configuration file in the making.

use core::fmt::Write;
use serde_json::Value;

/// Tables with their lines, in the order in which they were begun.
#[derive(Default)]
pub(super) struct Draft {
    tables: Vec<(String, String)>,
    warnings: Vec<String>,
}

impl Draft {
    fn table(&mut self, table: &str) -> &mut String {
        let at = self.tables.iter().position(|(name, _)| name == table).unwrap_or_else(|| {
            self.tables.push((table.to_owned(), String::new()));
            self.tables.len() - 1
        });
        &mut self.tables[at].1
    }

    pub(super) fn set(&mut self, table: &str, key: &str, value: impl Into<toml::Value>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.table(table), "{key} = {}", value.into());
    }

    pub(super) fn say(&mut self, table: &str, comment: &str) {
        comment_to(self.table(table), comment);
    }

    /// A comment that also is a warning.
    pub(super) fn warn(&mut self, table: &str, comment: &str) {
        self.say(table, comment);
        self.warnings.push(comment.to_owned());
    }

    /// Keys that nobody knows.
    pub(super) fn unknown<'k>(&mut self, table: &str, path: &str, keys: impl IntoIterator<Item = &'k String>) {
        for key in keys {
            let dot = if path.is_empty() { "" } else { "." };
            self.warn(table, &format!("{path}{dot}{}: not a known key, left out", key.escape_debug()));
        }
    }

    /// A value that is not of the kind that it should be.
    pub(super) fn bad(&mut self, table: &str, key: &str, value: &Value) {
        let kind = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "a map",
        };
        self.warn(table, &format!("{key}: {kind} that cannot be understood here, left out"));
    }

    /// The file, and the warnings.
    pub(super) fn finish(self, about: &str) -> (String, Vec<String>) {
        let mut text = String::new();
        comment_to(&mut text, about);
        for (name, lines) in self.tables {
            let _ = write!(text, "\n[{name}]\n{lines}");
        }
        (text, self.warnings)
    }
}

fn comment_to(text: &mut String, comment: &str) {
    for line in comment.lines() {
        let _ = writeln!(text, "# {line}");
    }
}

/// A zone's table name.
pub(super) fn zone(name: &str) -> String {
    format!("zones.{}", crate::config::key(name))
}
