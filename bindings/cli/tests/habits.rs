//! What holds for every command.

mod common;

use common::{command, run, run_with};
use std::{
    io::{Read, Write},
    process::Stdio,
};

const COMMANDS: [&str; 11] =
    ["lint", "match", "report", "query", "serve", "config", "cache", "doctor", "health", "completions", "man"];

#[test]
fn help_is_no_error_and_has_examples() {
    for command in COMMANDS {
        let run = run([command, "--help"]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{command}");
        assert!(run.out.contains("Examples:\n  "), "{command}");
        assert!(run.out.lines().all(|line| line.chars().count() <= 120), "{command}: {}", run.out);
    }
    assert_eq!(run(["--help"]).code, 0);
    assert_eq!(run(["--version"]).code, 0);
}

#[test]
fn wrong_usage_is_64() {
    for args in [
        &[][..],
        &["nonsense"],
        &["lint"],
        &["lint", "--txt", "--tlsrpt", "-"],
        &["lint", "--nonsense", "-"],
        &["query"],
        &["query", "-x"],
        &["query", "--https-port", "0", "example.com"],
        &["query", "--allow-net", "x", "example.com"],
        &["query", "--via", "nonsense", "example.com"],
        &["query", "--via", "127.0.0.1:1", "--probe", "example.com"],
        &["query", "--map", "postfix", "example.com"],
        &["cache"],
        &["cache", "show", "a b"],
        &["cache", "purge"],
        &["cache", "purge", "--all", "example.com"],
        &["doctor", "--domain", "a@b"],
        &["doctor", "--socket", "nonsense"],
        &["health", "--http", "nonsense"],
        &["completions", "nonsense"],
        &["config"],
        &["config", "import"],
        &["serve", "nonsense"],
        &["--color", "sometimes", "man"],
    ] {
        let run = run(args);
        assert_eq!((run.code, run.out.as_str()), (64, ""), "{args:?}");
        assert!(!run.err.is_empty(), "{args:?}");
    }
}

#[test]
fn colours_are_for_terminals() {
    let lint = |args: &[&str]| run_with([args, &["lint", "-"]].concat(), b"nonsense\n").out;
    assert!(!lint(&[]).contains('\x1b'));
    assert!(!lint(&["--color", "never"]).contains('\x1b'));
    assert!(lint(&["--color", "always"]).contains("\x1b[1m\x1b[31mOFF\x1b[0m"));
    assert!(run(["--color=always", "--help"]).out.contains('\x1b'));
    assert!(!run(["--color=never", "--help"]).out.contains('\x1b'));
}

/// What the command prints on a terminal of its own.
#[cfg(target_os = "linux")]
fn on_terminal(no_color: &str) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let screen = std::fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
    let mut child = command()
        .args(["match", "x.example", "y.example"])
        .env("NO_COLOR", no_color)
        .env("TERM", "xterm")
        .stdout(screen)
        .spawn()
        .unwrap();
    child.wait().unwrap();
    // Little enough to lie there still; a terminal that nobody writes to any more has no end of file.
    let mut shown = [0; 4096];
    let len = std::fs::File::from(terminal).read(&mut shown).unwrap();
    String::from_utf8_lossy(&shown[..len]).into_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn no_color_is_honoured_on_terminals() {
    let (with, without) = (on_terminal(""), on_terminal("1"));
    assert!(with.contains('\x1b') && with.contains("y.example"), "{with:?}");
    assert!(!without.contains('\x1b') && without.contains("y.example"), "{without:?}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let pairs = "a.example\tb.example\n".repeat(20_000);
    let mut child = command()
        .args(["match", "--pairs", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(pairs.as_bytes()).unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(2), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command().args(["match", "a", "a"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"));
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = run(["completions", shell]);
        assert_eq!(run.code, 0, "{shell}");
        assert!(run.out.contains("mta-sts") && run.out.contains("tlsrpt"), "{shell}");
    }
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    assert!(run(["man"]).out.contains(".TH mta-sts 1"));
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("man-{}", std::process::id()));
    let run = run(["man".as_ref(), "--out".as_ref(), directory.as_os_str()]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(directory.join("mta-sts-config-check.1").is_file(), "{}", run.out);
    for page in ["mta-sts.1".to_owned()].into_iter().chain(COMMANDS.map(|command| format!("mta-sts-{command}.1"))) {
        assert!(directory.join(&page).is_file(), "{page}");
        assert!(run.out.contains(&page), "{page}");
    }
}
