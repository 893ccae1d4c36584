//! What must be one step in the server.

use redis::{FromRedisValue, ParsingError, Value};

/// KEYS: entry, index, used. ARGV: what was read ("none", "string" or "foreign") and its bytes, the
/// new bytes, their life in seconds, the domain, the time. 1 if it is done, 0 if something else is
/// there by now.
pub(super) const CHANGE: &str = "
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'string' then kind = 'foreign' end
if kind ~= ARGV[1] then return 0 end
if kind == 'string' and redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
for i = 2, 3 do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= 'zset' then redis.call('DEL', KEYS[i]) end
end
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[5])
redis.call('ZADD', KEYS[3], 'NX', ARGV[6], ARGV[5])
return 1";

/// KEYS as above. ARGV: the domain, what of it goes ("expired": nothing that is there, "these": the
/// entry if it has these bytes, "anything"), and the bytes. 1 if something is gone.
pub(super) const FORGET: &str = "
local gone = 0
if ARGV[2] == 'anything' then
  gone = redis.call('DEL', KEYS[1])
elseif redis.call('EXISTS', KEYS[1]) == 1 then
  if ARGV[2] == 'expired' or redis.call('GET', KEYS[1]) ~= ARGV[3] then return 0 end
  redis.call('DEL', KEYS[1])
  gone = 1
end
redis.pcall('ZREM', KEYS[2], ARGV[1])
redis.pcall('ZREM', KEYS[3], ARGV[1])
return gone";

/// What became of a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Changed {
    Done,
    /// Something else is there by now.
    Outrun,
}

impl FromRedisValue for Changed {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        Ok(if bool::from_redis_value(value)? { Self::Done } else { Self::Outrun })
    }
}
