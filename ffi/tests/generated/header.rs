//! The header: cbindgen's, with each number put below its type.

use std::{env, fs, path::Path};

pub(crate) fn render() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new().with_crate(root).with_config(config).generate().unwrap();
    let mut header = Vec::new();
    bindings.write(&mut header);
    arrange(&String::from_utf8(header).unwrap())
}

/// Puts the numbers of a type below it, and short comments on one line.
fn arrange(header: &str) -> String {
    // "(-1)", so that a minus sign never meets another operator.
    let header: String = header.lines().map(|line| parenthesize(line) + "\n").collect();
    let blocks: Vec<String> = header.trim_end().split("\n\n").map(|block| shorten(block.trim_matches('\n'))).collect();
    let mut arranged = Vec::new();
    for block in blocks.iter().filter(|block| type_of_block(block).is_none()) {
        let mut block = block.clone();
        if let Some(name) = typedef(&block) {
            for number in blocks.iter().filter(|number| type_of_block(number).as_deref() == Some(&name)) {
                block = format!("{block}\n{number}");
            }
        }
        arranged.push(block);
    }
    arranged.retain(|block| !block.is_empty());
    arranged.join("\n\n") + "\n"
}

fn parenthesize(line: &str) -> String {
    match line.rsplit_once(" -") {
        Some((define, number)) if define.starts_with("#define ") => format!("{define} (-{number})"),
        _ => line.to_owned(),
    }
}

/// The name that a block gives to an integer.
fn typedef(block: &str) -> Option<String> {
    let line = block.lines().last()?.strip_prefix("typedef ")?.strip_suffix(';')?;
    line.ends_with(|c: char| c.is_ascii_alphanumeric()).then(|| line.rsplit(' ').next().unwrap().to_owned())
}

fn type_of_block(block: &str) -> Option<String> {
    let name = block.lines().last()?.strip_prefix("#define ")?.split(' ').next()?;
    type_of(name).filter(|name| name.starts_with("mtasts_"))
}

/// "/** one line */" for a comment of one line.
fn shorten(block: &str) -> String {
    let lines: Vec<&str> = block.lines().collect();
    match lines.as_slice() {
        ["/**", one, " */", rest @ ..] if rest.len() == 1 => {
            format!("/** {} */\n{}", one.trim_start_matches(" * "), rest[0])
        }
        _ => block.to_owned(),
    }
}

/// The type of a constant, as the source says.
pub(crate) fn type_of(constant: &str) -> Option<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/codes.rs");
    let source = fs::read_to_string(source).unwrap();
    let line = source.lines().find_map(|line| line.strip_prefix(&format!("pub const {constant}: ")))?;
    Some(line.split(' ').next()?.to_owned())
}

/// The names of all functions, in alphabetical order.
pub(crate) fn functions() -> Vec<String> {
    let header = render();
    let declared = header.lines().filter(|line| !line.starts_with([' ', '#', '/', '*', '}', '\t']));
    let name = |line: &str| Some(line.split_once('(')?.0.rsplit([' ', '*']).next()?.to_owned());
    let mut names: Vec<_> = declared.filter_map(name).filter(|name| name.starts_with("mtasts_")).collect();
    names.sort();
    names
}

/// The names and numbers of all codes, in the order of the header.
pub(crate) fn codes() -> Vec<(String, String)> {
    let header = render();
    let define = |line: &str| {
        let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
        type_of(name).map(|_| (name.to_owned(), value.trim_matches(['(', ')']).to_owned()))
    };
    header.lines().filter_map(define).collect()
}
