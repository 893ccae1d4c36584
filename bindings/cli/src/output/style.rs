//! Colours. They are always written, and taken out again where they are not wanted.

use anstyle::{AnsiColor, Style};
use mta_sts_core::lint::Level;

pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const ERROR: Style = BAD;
pub(crate) const NOTE: Style = AnsiColor::Cyan.on_default().bold();

/// The colour of a level; the word says the same.
pub(crate) const fn of(level: Level) -> Style {
    match level {
        Level::Tip => NOTE,
        Level::Interop | Level::Risk => WARNING,
        _ => BAD,
    }
}
