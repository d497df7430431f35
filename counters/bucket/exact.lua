-- exact: take one token from the bucket KEYS[1], if there is one.
-- ARGV     interval_us, window_us: what one token and the whole burst cost
-- returns  taken (1 or 0), ahead_us: how far in the future the bucket is full
-- Whole microseconds of the server's own clock, so every edge agrees. The
-- bucket is the one of settle.lua.
local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
if tat + interval - window > now then return {0, tat - now} end
tat = tat + interval
redis.call('SET', KEYS[1], string.format('%d', tat), 'PX', math.ceil((tat - now) / 1000))
return {1, tat - now}
