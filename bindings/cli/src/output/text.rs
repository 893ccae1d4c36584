//! Paragraphs in the width of the terminal.

use std::io;
use terminal_size::{Width, terminal_size_of};

/// The columns of the terminal, 80 elsewhere; neither unreadably few nor many.
pub(crate) fn width() -> usize {
    terminal_size_of(io::stdout()).map_or(80, |(Width(columns), _)| usize::from(columns)).clamp(40, 120)
}

/// A paragraph after `lead`, its further lines indented by `indent`. Both are plain text without
/// styles; the paragraph may hold words longer than a line.
pub(crate) fn paragraph(lead: &str, indent: usize, words: &str) -> String {
    let indent = " ".repeat(indent);
    let options = textwrap::Options::new(width())
        .initial_indent(lead)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut text = textwrap::fill(words, options);
    text.push('\n');
    text
}
