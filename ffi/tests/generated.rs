//! What is made from the source is checked in, and made afresh here: the header, and from the
//! header the manual pages and the lists of symbols and codes.
//!
//! `UPDATE=1 cargo test -p mta-sts-ffi --test generated` writes the files.

#[path = "generated/header.rs"]
mod header;
#[path = "generated/man.rs"]
mod man;

use std::{env, fs, path::PathBuf};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares the checked-in file with what it must be, or writes it.
fn check(name: &str, made: &str) {
    if env::var_os("UPDATE").is_some() {
        fs::write(file(name), made).unwrap();
    }
    let checked_in = fs::read_to_string(file(name)).unwrap_or_default();
    let differs = checked_in.lines().zip(made.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or_else(|| checked_in.lines().count().min(made.lines().count())) + 1;
    assert!(
        checked_in == made,
        "ffi/{name} is not up to date from line {line} on; write it with: UPDATE=1 cargo test -p mta-sts-ffi --test generated"
    );
}

#[test]
fn the_header_is_what_the_source_says() {
    check("include/mtasts.h", &header::render());
}

#[test]
fn the_header_is_ascii_and_has_no_test_hook() {
    let header = header::render();
    assert!(header.is_ascii());
    assert!(!header.contains("mtasts_test"));
}

/// A line that was published is there for ever; others may follow.
fn check_append_only(name: &str, now: &[String]) {
    let published = fs::read_to_string(file(name)).unwrap_or_default();
    for line in published.lines() {
        assert!(now.iter().any(|known| known == line), "ffi/{name}: {line:?} is gone; programs rely on it");
    }
    check(name, &(now.join("\n") + "\n"));
}

#[test]
fn no_function_is_ever_removed() {
    check_append_only("abi/symbols.txt", &header::functions());
}

#[test]
fn no_code_is_ever_renumbered() {
    let codes = header::codes();
    check_append_only(
        "abi/codes.txt",
        &codes.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>(),
    );
    for (name, value) in &codes {
        let group = |name: &str| header::type_of(name);
        let twins = codes.iter().filter(|(other, same)| same == value && group(other) == group(name)).count();
        assert_eq!(twins, 1, "{name} has the number of another code");
    }
}

#[test]
fn the_version_macros_are_the_version_of_the_library() {
    let version = [mtasts::MTASTS_VERSION_MAJOR, mtasts::MTASTS_VERSION_MINOR, mtasts::MTASTS_VERSION_PATCH];
    assert_eq!(version.map(|n| n.to_string()).join("."), env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_manual_is_what_the_header_says() {
    let pages = man::pages();
    for (name, page) in &pages {
        check(&format!("man/{name}"), page);
    }
    let checked_in = fs::read_dir(file("man")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in checked_in {
        assert!(pages.iter().any(|(page, _)| *page == name), "ffi/man/{name} is made from nothing");
    }
}

#[test]
fn every_function_is_on_one_page_of_the_manual() {
    let pages = man::pages();
    let names = pages.iter().flat_map(|(_, page)| page.lines().filter_map(|line| line.strip_prefix(".Nm ")));
    let mut names: Vec<_> = names.map(|name| name.trim_end_matches(" ,")).filter(|name| *name != "mtasts").collect();
    names.sort_unstable();
    assert_eq!(names, header::functions());
}

#[test]
fn every_code_is_on_one_page_of_the_manual() {
    let manual: String = man::pages().into_iter().map(|(_, page)| page).collect();
    for (name, value) in header::codes() {
        let line = format!(".It Dv {name} Pq {}\n", value.replace('-', "\\-"));
        assert_eq!(manual.matches(&line).count(), 1, "{name}");
    }
}
