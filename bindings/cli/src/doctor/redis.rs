//! Whether Redis throws policies away before they end.

use super::{facts::Facts, finding::Finding};
use core::time::Duration;
use std::time::Instant;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(facts: &Facts) -> Option<Finding> {
    let url = facts.redis.as_deref()?;
    let looked_at = "Redis";
    let began = Instant::now();
    // An error may hold the URL with its password.
    let info = match timeout(PATIENCE, info(url)).await {
        Ok(Ok(info)) => info,
        Ok(Err(error)) => {
            return Some(unreachable(&format!("{:?}", error.kind())));
        }
        Err(_) => return Some(unreachable("no answer in 5 seconds")),
    };
    let took = began.elapsed().as_millis();
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(|value| value.trim().to_owned())
    };
    let Some(policy) = field("maxmemory_policy") else {
        return Some(Finding::unknown("redis", looked_at, "its eviction policy cannot be read with INFO memory"));
    };
    let is_bounded = field("maxmemory").is_some_and(|bound| bound != "0");
    let found = format!("answers in {took} ms, maxmemory-policy is {policy}");
    Some(judge(looked_at, found, &policy, is_bounded))
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

async fn info(url: &str) -> redis::RedisResult<String> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    redis::cmd("INFO").arg("memory").query_async(&mut connection).await
}

fn unreachable(why: &str) -> Finding {
    Finding::fail("redis", "Redis", why)
        .means(
            "policies are kept in the daemon's memory only, and mail waits for domains of which nothing can be learnt",
        )
        .fix("check the url in [store], and that Redis runs and lets this user in")
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
