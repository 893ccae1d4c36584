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
        None => page(),
        Some(directory) => write_pages(directory),
    }
    .map(|text| Done { text, exit: Exit::Fine })
    .map_err(|error| Stop::usage(format!("cannot write the manual: {}", in_words(&error))))
}

fn page() -> io::Result<String> {
    let mut page = Vec::new();
    Man::new(args::Args::command().disable_help_subcommand(true)).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Writes `mta-sts.1`, `mta-sts-lint.1` and so on, and lists them.
fn write_pages(directory: &Path) -> io::Result<String> {
    fs::create_dir_all(directory)?;
    let mut root = args::Args::command().disable_help_subcommand(true);
    root.build();
    let mut list = String::new();
    write_page_of(&root, directory, &mut list)?;
    Ok(list)
}

/// The page of a command, and those of the commands below it.
fn write_page_of(command: &clap::Command, directory: &Path, list: &mut String) -> io::Result<()> {
    let path = Man::new(command.clone()).generate_to(directory)?;
    *list += &format!("{}\n", escape::path(&path));
    command.get_subcommands().try_for_each(|command| write_page_of(command, directory, list))
}
