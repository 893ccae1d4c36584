//! `mta-sts completions`.

use crate::{
    args,
    exit::{Done, Exit},
};
use clap::CommandFactory;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The shell to complete in.
    shell: Shell,
}

const AFTER_HELP: &str = "\
Examples:
  mta-sts completions bash > ~/.local/share/bash-completion/completions/mta-sts
  mta-sts completions zsh > \"${fpath[1]}/_mta-sts\"
  mta-sts completions fish > ~/.config/fish/completions/mta-sts.fish";

pub(crate) fn run(args: &Args) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::Args::command(), "mta-sts", &mut script);
    Done { text: String::from_utf8_lossy(&script).into_owned(), exit: Exit::Fine }
}
