-- beat: tell the other edges that this one lives, and who else does.
-- KEYS[1]  a sorted set: edges by the time of their last beat
-- KEYS[2]  the hash of tell.lua
-- KEYS[3]  the hash of ban.lua
-- ARGV     name, life_ms: how long an edge lives after a beat
-- returns  the version of the facts (0: there are none), the names of all live
--          edges, the version of the bans
-- Milliseconds of the server's own clock: the edges' clocks need not agree.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local life = tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - life)
redis.call('PEXPIRE', KEYS[1], life)
local function version(key) return redis.call('HGET', key, ' version') or '0' end
return {version(KEYS[2]), redis.call('ZRANGE', KEYS[1], 0, -1), version(KEYS[3])}
