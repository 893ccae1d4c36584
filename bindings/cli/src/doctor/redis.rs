//! Whether Redis throws policies away before they end.

use super::{facts::Facts, finding::Finding};
use core::time::Duration;
use mta_sts::RedisStore;
use std::time::Instant;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(3);
const LOOKED_AT: &str = "Redis";

pub(super) async fn look(facts: &Facts) -> Option<Finding> {
    let options = facts.redis.clone()?;
    let began = Instant::now();
    let store = match RedisStore::open(options) {
        Ok(store) => store,
        Err(error) => return Some(unreachable(&error.to_string())),
    };
    let connected = timeout(PATIENCE, store.connected()).await;
    // Without a connection its error says why there is none.
    let info = timeout(PATIENCE, store.memory_info()).await;
    let info = match (connected, info) {
        (Ok(()), Ok(Ok(info))) => info,
        (Ok(()), Ok(Err(error))) => {
            let found = format!("answers, but not what it does when its memory is full: {error}");
            let finding = Finding::unknown("redis", LOOKED_AT, found);
            return Some(finding.fix("let the daemon's user run INFO: ACL SETUSER NAME +info"));
        }
        (Err(_), Ok(Err(error))) => return Some(unreachable(&error.to_string())),
        (_, Ok(Ok(_)) | Err(_)) => return Some(unreachable("no answer in 3 seconds")),
    };
    let took = began.elapsed().as_millis();
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(|value| value.trim().to_owned())
    };
    let Some(policy) = field("maxmemory_policy") else {
        return Some(Finding::unknown("redis", LOOKED_AT, "its eviction policy cannot be read with INFO memory"));
    };
    let is_bounded = field("maxmemory").is_some_and(|bound| bound != "0");
    let found = format!("answers in {took} ms, maxmemory-policy is {policy}");
    Some(judge(LOOKED_AT, found, &policy, is_bounded))
}

fn judge(looked_at: &str, found: String, policy: &str, is_bounded: bool) -> Finding {
    let fix = "set maxmemory-policy to volatile-ttl, or to noeviction and watch the memory";
    match policy {
        "noeviction" | "volatile-ttl" => Finding::ok("redis", looked_at, found),
        _ if !is_bounded => Finding::ok("redis", looked_at, format!("{found}, but maxmemory is not set")),
        // All keys of the daemon expire.
        _ => Finding::warn("redis", looked_at, found)
            .means("when its memory is full it may throw away policies that are alive: mail then goes out without them")
            .fix(fix),
    }
}

fn unreachable(why: &str) -> Finding {
    Finding::fail("redis", "Redis", why)
        .means(
            "policies are kept in the daemon's memory only, and mail waits for domains of which nothing can be learnt",
        )
        .fix("check url and sentinels in [store], and that Redis runs and lets this user in")
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Status, *};

    #[test]
    fn policies_must_not_be_thrown_away_for_others() {
        for (policy, bounded, status) in [
            ("noeviction", true, Status::Ok),
            ("volatile-ttl", true, Status::Ok),
            ("allkeys-lru", true, Status::Warn),
            ("volatile-lru", true, Status::Warn),
            ("allkeys-lru", false, Status::Ok),
        ] {
            assert_eq!(judge("", String::new(), policy, bounded).status, status, "{policy}");
        }
    }
}
