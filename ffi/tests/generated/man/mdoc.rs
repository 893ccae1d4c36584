//! Text in mdoc(7).

/// A comment, with a line for each sentence. Code in it is indented.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::new();
    for paragraph in text.split("\n\n") {
        if let Some(code) = paragraph.strip_prefix("    ") {
            out += &format!(".Bd -literal -offset indent\n{}.Ed\n", literal(&code.replace("\n    ", "\n")));
        } else {
            let break_before = if out.is_empty() { "" } else { ".Pp\n" };
            let sentences = marked(&paragraph.replace('\n', " ")).replace(". ", ".\n");
            out += &format!("{break_before}{sentences}\n");
        }
    }
    out
}

/// Names of parameters in italics; those of functions, codes and types in bold.
fn marked(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 {
            out += &format!("\\fI{part}\\fR");
            continue;
        }
        let mut rest = part;
        while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
            let (before, from) = rest.split_at(start);
            let end = from.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(from.len());
            let end = if from[end..].starts_with("()") { end + 2 } else { end };
            let (word, after) = from.split_at(end);
            // "\%" keeps a word on one line.
            let technical = word.contains("mtasts") || word.chars().skip(1).any(char::is_uppercase) || is_name(word);
            let unbroken = if technical { "\\%" } else { "" };
            let shown = if is_name(word) { format!("\\fB{word}\\fR") } else { word.to_owned() };
            out += &format!("{before}{unbroken}{shown}");
            rest = after;
        }
        out += rest;
    }
    out.replace("--", "\\-\\-")
}

fn is_name(word: &str) -> bool {
    let whole = ["MTASTS_", "mtasts_"].iter().any(|prefix| word.starts_with(prefix));
    // The end of a name, as in "MTASTS_FAILURE_DNS, _HTTP".
    let end = word.starts_with('_') && word.to_uppercase() == word;
    word == "NULL" || word.ends_with("()") || whole || end
}

/// Code as it is.
pub(super) fn literal(code: &str) -> String {
    code.trim_end().replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq") + "\n"
}
