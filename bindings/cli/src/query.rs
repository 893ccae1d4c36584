//! `mta-sts query`.
use crate::exit::{Done, Stop};
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// x
    domain: String,
}
pub(crate) fn run(_args: &Args, _json: bool) -> Result<Done, Stop> { Err(Stop::unknown("later")) }
