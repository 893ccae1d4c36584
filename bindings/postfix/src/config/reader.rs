//! Takes a TOML table apart key by key, and keeps what was wrong for the end.

use super::{keys, problem::Problem};
use core::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A name this similar is what was meant, from 0 to 1.
const SIMILAR: f64 = 0.8;

/// The problems of a text so far.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn problem(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.push(Problem::at(self.text, span, message));
    }
}

/// A table of which the known keys are taken out.
pub(super) struct Section<'t> {
    /// As it stands in messages: `server`, `zones.default`.
    pub(super) path: String,
    /// Where the table begins.
    pub(super) span: Range<usize>,
    table: DeTable<'t>,
    known: Vec<&'static str>,
}

/// A value that a key was given, with its place.
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'t> Section<'t> {
    pub(super) fn new(path: impl Into<String>, span: Range<usize>, table: DeTable<'t>) -> Self {
        Self { path: path.into(), span, table, known: Vec::new() }
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.table.remove(key)
    }

    /// What `read` makes of a value. It says what is wrong after the name of the key.
    pub(super) fn get<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, String>,
    ) -> Option<Given<T>> {
        let given = self.take(key)?;
        let span = given.span();
        match read(given.get_ref()) {
            Ok(value) => Some(Given { value, span }),
            Err(why) => {
                reader.problem(span, format!("{}: {why}", self.key(key)));
                None
            }
        }
    }

    /// A string that `parse` understands.
    pub(super) fn text<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Given<T>> {
        self.get(reader, key, |value| parse(string(value)?))
    }

    pub(super) fn boolean(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<bool> {
        let read = |value: &DeValue<'_>| value.as_bool().ok_or_else(|| expected("true or false", value));
        self.get(reader, key, read).map(|given| given.value)
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(&mut self, reader: &mut Reader<'_>, key: &'static str, least: u32, most: u32) -> Option<u32> {
        let read = |value: &DeValue<'_>| {
            let number = value.as_integer().ok_or_else(|| expected("a number", value))?;
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
            let number = number.and_then(|number| u32::try_from(number).ok());
            let in_range = number.filter(|number| (least..=most).contains(number));
            in_range.ok_or_else(|| format!("give a number from {least} to {most}"))
        };
        self.get(reader, key, read).map(|given| given.value)
    }

    /// An array of strings. Each that is wrong is told at its own place.
    pub(super) fn list<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Given<Vec<T>>> {
        let given = self.take(key)?;
        let span = given.span();
        let Some(items) = given.get_ref().as_array() else {
            let why = expected("an array of strings, such as [\"…\"]", given.get_ref());
            reader.problem(span, format!("{}: {why}", self.key(key)));
            return None;
        };
        let mut value = Vec::new();
        for item in items {
            match string(item.get_ref()).and_then(&parse) {
                Ok(item) => value.push(item),
                Err(why) => reader.problem(item.span(), format!("{}: {why}", self.key(key))),
            }
        }
        Some(Given { value, span })
    }

    /// A table in this one; an empty one if there is none.
    pub(super) fn section(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Self {
        let path = self.key(key);
        match self.take(key) {
            Some(given) => Self::of(reader, path, given),
            None => Self::new(path, 0..0, DeTable::new()),
        }
    }

    /// All that is left, which are tables with names that anybody may choose.
    pub(super) fn sections(&mut self, reader: &mut Reader<'_>) -> Vec<(String, Self)> {
        let table = core::mem::take(&mut self.table);
        let mut sections: Vec<_> = table
            .into_iter()
            .map(|(name, given)| {
                let name = name.into_inner().into_owned();
                let path = self.key(&format!("{name:?}"));
                (name, Self::of(reader, path, given))
            })
            .collect();
        sections.sort_by_key(|(_, section)| section.span.start);
        sections
    }

    fn of(reader: &mut Reader<'_>, path: String, given: Spanned<DeValue<'t>>) -> Self {
        let span = given.span();
        let table = match given.into_inner() {
            DeValue::Table(table) => table,
            other => {
                reader.problem(span.clone(), format!("{path}: {}", expected("a table", &other)));
                DeTable::new()
            }
        };
        Self::new(path, span, table)
    }

    /// Complains of the keys that nobody asked for.
    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        for key in self.table.keys() {
            let name = key.get_ref();
            let what = if self.path.is_empty() { "table" } else { "key" };
            let place = if self.path.is_empty() { String::new() } else { format!(" in [{}]", self.path) };
            let hint = self.hint(name);
            reader.problem(key.span(), format!("unknown {what} \"{}\"{place}{hint}", name.escape_debug()));
        }
    }

    fn hint(&self, name: &str) -> String {
        let lower = name.to_lowercase().replace('-', "_");
        let mut similar: Vec<_> =
            self.known.iter().map(|known| (strsim::jaro_winkler(known, &lower), *known)).collect();
        similar.sort_by(|a, b| b.0.total_cmp(&a.0));
        if let Some((_, known)) = similar.first().filter(|(score, _)| *score >= SIMILAR) {
            return format!("; did you mean \"{known}\"?");
        }
        match keys::section_of(&lower) {
            Some(section) => format!("; it belongs in [{section}]"),
            None if self.known.is_empty() => String::new(),
            None => format!("; known are {}", self.known.join(", ")),
        }
    }
}

pub(super) fn string<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| expected("a string in quotes", value))
}

pub(super) fn expected(what: &str, value: &DeValue<'_>) -> String {
    format!("give {what}, not {}", value.type_str())
}
