-- heartbeat: tell the other edges that this one lives, and which others do.
-- KEYS[1]  a sorted set: edges by the time of their last heartbeat
-- KEYS[2]  the hash of the replicated map
-- ARGV     name, life_ms: how long an edge lives after a heartbeat
-- returns  the version of the map (0: there is none), the names of all live edges, now_ms
-- Milliseconds of the server's own clock: the edges' clocks need not agree. If that clock
-- has gone back, heartbeats from before count as just made: of those edges that live, all
-- send another before these are over.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local life = tonumber(ARGV[2])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do redis.call('ZADD', KEYS[1], now, name) end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - life)
redis.call('PEXPIRE', KEYS[1], life)
return {redis.call('HGET', KEYS[2], ' version') or '0', redis.call('ZRANGE', KEYS[1], 0, -1), string.format('%d', now)}
