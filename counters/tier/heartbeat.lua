-- heartbeat: tell the other edges that this one lives, and which others do.
-- KEYS[1]  a sorted set: edges by the time of their last heartbeat
-- KEYS[2]  the hash of the replicated map
-- KEYS[3]  a string: "shift_ms last_ms": by how much the tier's time is ahead of the server's,
--          and what it was at the last heartbeat
-- ARGV     name, life_ms: how long an edge lives after a heartbeat, carried_ms: the tier's
--          time by the monotonic clock of this edge (0: it does not know it)
-- returns  the version of the map (0: there is none), the names of all live edges, now_ms by
--          the server's clock, and by the tier's, and whether that is sure ("1"; "0": nobody has
--          carried it on lately, so the edge is to ask again when each other edge has)
-- If the server's clock has gone back, heartbeats from before count as just made: of those
-- edges that live, all send another before these are over. The tier's time goes on as the
-- edges carry it, unless it goes on anyway: then it is the edge that was asleep.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local life, carried = tonumber(ARGV[2]), tonumber(ARGV[3])
local shift, last = string.match(redis.call('GET', KEYS[3]) or '', '^(-?%d+) (%d+)$')
local time = now + (shift or 0)
local steady = last and time >= tonumber(last) and time <= last + life
if carried > 0 and not steady and math.abs(time - carried) >= 1000 then time = carried end
local sure = carried > 0 or steady or not last
if sure then redis.call('SET', KEYS[3], string.format('%d %d', time - now, time)) end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do redis.call('ZADD', KEYS[1], now, name) end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - life)
redis.call('PEXPIRE', KEYS[1], life)
local version = redis.call('HGET', KEYS[2], ' version') or '0'
return {version, redis.call('ZRANGE', KEYS[1], 0, -1), string.format('%d', now), string.format('%d', time), sure and '1' or '0'}
