//! `mta-sts man`.

use crate::{
    args,
    exit::{Done, Exit, Stop},
    input::in_words,
    output::escape,
};
use clap::CommandFactory;
use clap_mangen::Man;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Write a page for each command into this directory instead.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  mta-sts man | man -l -
  mta-sts man --out ~/.local/share/man/man1";

pub(crate) fn run(args: &Args) -> Result<Done, Stop> {
    match &args.out {
        None => page(&args::Args::command()).map(String::from_utf8),
        Some(directory) => write_pages(directory).map(Ok),
    }
    .map(|text| Done { text: text.unwrap_or_default(), exit: Exit::Fine })
    .map_err(|error| Stop::usage(format!("cannot write the manual: {}", in_words(&error))))
}

fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

/// Writes `mta-sts.1`, `mta-sts-lint.1` and so on, and lists them.
fn write_pages(directory: &Path) -> io::Result<String> {
    fs::create_dir_all(directory)?;
    let mut root = args::Args::command().disable_help_subcommand(true);
    root.build();
    let mut list = String::new();
    let mut write = |name: &str, command: &clap::Command| {
        let path = directory.join(format!("{name}.1"));
        fs::write(&path, page(command)?)?;
        list += &format!("{}\n", escape::path(&path));
        io::Result::Ok(())
    };
    write("mta-sts", &root)?;
    for command in root.get_subcommands() {
        let name = format!("mta-sts-{}", command.get_name());
        write(&name, &command.clone().name(name.clone()))?;
    }
    Ok(list)
}
