//! What is wrong with a configuration, and where.

use core::{error::Error, fmt, ops::Range};

/// One thing that is wrong. It names the key, and says what to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line and the column, in characters, from 1; `None` if no one place is wrong.
    pub place: Option<(usize, usize)>,
    /// One sentence without a final dot.
    pub message: String,
}

/// All that is wrong with a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The name of the file.
    pub file: String,
    /// In the order of the file; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Problem { place, message }) in self.problems.iter().enumerate() {
            let line_break = if i > 0 { "\n" } else { "" };
            match place {
                Some((line, column)) => write!(f, "{line_break}{}:{line}:{column}: {message}", self.file)?,
                None => write!(f, "{line_break}{}: {message}", self.file)?,
            }
        }
        Ok(())
    }
}

impl Error for ConfigError {}

impl Problem {
    pub(super) fn at(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        Self { place: Some((line, before[line_start..].chars().count() + 1)), message: message.into() }
    }
}
