//! The scenarios.

mod clock;
mod dns;
mod flood;
mod https;
mod kill;
mod redis;
mod restart;

use super::{Result, dns_front::Dns, stage::Stage};
use std::{sync::Arc, time::Duration};

const SQLITE: &str = "kind = \"sqlite\"";
/// In which a healthy daemon learns what a scenario begins with.
const TO_LEARN: Duration = Duration::from_secs(30);
/// After so many seconds DNS is asked again for a policy that is held, and a host whose fetch failed
/// is asked again.
const RECHECK: i64 = 400;

pub(super) async fn play(name: &str, stage: &Arc<Stage>) -> Result<()> {
    match name {
        "kill" => kill::play(stage).await,
        "redis-killed" => redis::play(stage, redis::Fault::Killed).await,
        "redis-hung" => redis::play(stage, redis::Fault::Hung).await,
        "redis-slow" => redis::play(stage, redis::Fault::Slow).await,
        "dns-dead" => dns::play(stage, Dns::Silent).await,
        "dns-servfail" => dns::play(stage, Dns::ServFail).await,
        "dns-slow" => dns::play(stage, Dns::Slow(Duration::from_millis(300))).await,
        "https-dead" => https::dead(stage).await,
        "https-dripping" => https::dripping(stage).await,
        "clock" => clock::play(stage).await,
        "restart" => restart::play(stage).await,
        "flood" => flood::play(stage).await,
        _ => Err(format!("no scenario {name}").into()),
    }
}
