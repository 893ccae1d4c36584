//! A source line with a part of it underlined.

use super::{
    escape::{self, Piece},
    style::FAINT,
};
use anstyle::Style;
use core::ops::Range;
use unicode_width::UnicodeWidthStr;

const TAB_STOP: usize = 4;
const ELLIPSIS: &str = "…";

/// What to show.
#[derive(Debug)]
pub(crate) struct Snippet<'a> {
    /// The number of the line, from 1.
    pub(crate) number: usize,
    /// The line without its terminator.
    pub(crate) line: &'a [u8],
    /// The octets of the line to underline; one mark stands for none.
    pub(crate) span: Range<usize>,
}

/// What one character, or one octet that is none, takes on the screen.
struct Cell {
    at: usize,
    shown: String,
    width: usize,
}

impl Snippet<'_> {
    /// Two lines of at most `width` columns: the source, or the part of it around the span, and
    /// the underline.
    pub(crate) fn render(&self, width: usize, mark: Style) -> String {
        let gutter = self.number.to_string().len() + 4;
        let room = width.saturating_sub(gutter).max(16);
        let window = Window::new(self, room);
        let number = self.number;
        let blank = " ".repeat(gutter - 3);
        let Window { text, before, marks } = window;
        format!(
            "{FAINT} {number} |{FAINT:#} {text}\n{FAINT}{blank} |{FAINT:#} {}{mark}{}{mark:#}\n",
            " ".repeat(before),
            "^".repeat(marks)
        )
    }
}

/// The part of a line that there is room for.
struct Window {
    text: String,
    /// The columns before the first mark.
    before: usize,
    marks: usize,
}

impl Window {
    fn new(Snippet { line, span, .. }: &Snippet<'_>, room: usize) -> Self {
        // A line can be as long as the file. No character is narrower than a column or longer than
        // 4 octets, so this is more than can be shown.
        let from = char_start(line, span.start.saturating_sub(4 * room));
        let to = line.len().min(span.start.saturating_add(8 * room));
        let cells = cells(line, from..to);
        let index_of = |octet: usize| cells.partition_point(|cell| cell.at < octet);
        let (first, last) = (index_of(span.start), index_of(span.end).max(index_of(span.start)));

        let columns = |range: Range<usize>| cells[range].iter().map(|cell| cell.width).sum::<usize>();
        // A mark behind the end of the line needs a column too.
        let whole = columns(0..cells.len()) + usize::from(first == cells.len());
        let (mut left, mut right) = (0, cells.len());
        if from > 0 || to < line.len() || whole > room {
            let room = room - 2;
            // Show all that is marked if there is room, else its beginning; and what stands before.
            let wanted_end = if columns(first..last) < room / 2 { last } else { first };
            while columns(left..wanted_end) > room / 2 || (from > 0 && left == 0 && wanted_end > 0) {
                left += 1;
            }
            right = left;
            let mut used = 0;
            while let Some(cell) = cells.get(right).filter(|cell| used + cell.width <= room) {
                used += cell.width;
                right += 1;
            }
        }
        let cut_left = from > 0 || left > 0;
        let cut_right = to < line.len() || right < cells.len();
        let shown: String = cells[left..right].iter().map(|cell| cell.shown.as_str()).collect();
        Self {
            text: [if cut_left { ELLIPSIS } else { "" }, &shown, if cut_right { ELLIPSIS } else { "" }].concat(),
            before: usize::from(cut_left) + columns(left..first.max(left).min(right)),
            marks: columns(first.clamp(left, right)..last.clamp(left, right)).max(1),
        }
    }
}

/// The start of the character that holds the octet `at`.
fn char_start(line: &[u8], at: usize) -> usize {
    let is_continuation = |at: &usize| line.get(*at).is_some_and(|octet| octet & 0xc0 == 0x80);
    (at.saturating_sub(3)..=at).rev().find(|at| !is_continuation(at)).unwrap_or(at)
}

fn cells(line: &[u8], range: Range<usize>) -> Vec<Cell> {
    let mut column = 0;
    let pieces = escape::pieces(&line[range.clone()]);
    pieces
        .map(|(at, piece)| {
            let mut shown = String::new();
            match piece {
                Piece::Char('\t') => shown = " ".repeat(TAB_STOP - column % TAB_STOP),
                piece => escape::write_piece(&mut shown, piece),
            }
            let width = shown.width();
            column += width;
            Cell { at: range.start + at, shown, width }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(line: &[u8], span: Range<usize>, width: usize) -> String {
        let text = Snippet { number: 7, line, span }.render(width, Style::new());
        text.replace(&FAINT.render().to_string(), "").replace(&FAINT.render_reset().to_string(), "")
    }

    #[test]
    fn the_underline_stands_below_its_characters() {
        assert_eq!(render(b"mode: none", 6..10, 80), " 7 | mode: none\n   |       ^^^^\n");
        assert_eq!(render(b"a\tb", 2..3, 80), " 7 | a   b\n   |     ^\n");
        assert_eq!(render("日本x".as_bytes(), 6..7, 80), " 7 | 日本x\n   |     ^\n");
        assert_eq!(render(b"\x07\xff!", 1..2, 80), " 7 | \\x07\\xff!\n   |     ^^^^\n");
    }

    #[test]
    fn an_empty_span_has_one_mark() {
        assert_eq!(render(b"", 0..0, 80), " 7 | \n   | ^\n");
        assert_eq!(render(b"ab", 2..2, 80), " 7 | ab\n   |   ^\n");
        assert_eq!(render(b"ab", 1..1, 80), " 7 | ab\n   |  ^\n");
    }

    #[test]
    fn a_wide_line_is_cut_around_the_span() {
        let line = [b"x".repeat(500), b"<here>".to_vec(), b"y".repeat(500)].concat();
        for width in [24, 40, 80] {
            let text = render(&line, 500..506, width);
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.iter().all(|line| line.width() <= width), "{text}");
            let marks = lines[1].find('^').unwrap();
            let shown: String = lines[0].chars().skip(marks).take(6).collect();
            assert_eq!(shown, "<here>", "{text}");
            assert!(lines[0].contains("…x") && lines[0].ends_with('…'));
        }
    }

    #[test]
    fn no_line_and_no_span_panics() {
        let lines: [&[u8]; 4] = [b"", "ü\u{301}日\t".as_bytes(), &[0x80; 300], &"日".repeat(400).into_bytes()];
        for line in lines {
            for start in 0..=line.len() {
                for end in [start, start + 1, line.len()] {
                    let text = render(line, start..end.max(start).min(line.len()), 40);
                    assert!(text.lines().all(|line| line.width() <= 40), "{text}");
                    assert!(text.contains('^'));
                }
            }
        }
    }
}
