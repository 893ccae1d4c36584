//! What people see: escaped, styled, wrapped.

pub(crate) mod escape;
pub(crate) mod log;
pub(crate) mod snippet;
pub(crate) mod style;
pub(crate) mod text;
pub(crate) mod words;

use crate::exit::Exit;
use std::io::{self, Write};

/// Writes the answer to standard output. Who closed it has read enough.
pub(crate) fn print(text: &str, exit: Exit) -> Exit {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("cannot write the answer: {}", crate::input::in_words(&error)), Exit::Unknown)
        }
        _ => exit,
    }
}

/// Says on standard error why there is no answer, which may have several lines.
pub(crate) fn complain(message: &str, exit: Exit) -> Exit {
    complain_to(&mut anstream::stderr(), message);
    exit
}

/// The same by another way.
pub(crate) fn complain_to(stderr: &mut impl Write, message: &str) {
    let error = style::ERROR;
    for line in message.lines() {
        // Nobody reads what cannot be written.
        let _ = writeln!(stderr, "{error}error:{error:#} {line}");
    }
}

/// Says something beside the answer on standard error.
pub(crate) fn remark(message: &str) {
    let note = style::NOTE;
    let _ = writeln!(anstream::stderr(), "{note}note:{note:#} {message}");
}
