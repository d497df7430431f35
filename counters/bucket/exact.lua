-- exact: take one token from the bucket KEYS[1], if there is one.
-- ARGV     interval_us, window_us: what one token and the whole burst cost;
--          known_us, most_us: how far from full the edge knows the bucket to be, and how far
--          it can be
-- returns  taken (1 or 0), ahead_us: how far from full the bucket is
-- Whole microseconds of the server's own clock. The bucket is the one of settle.lua, and
-- a clock that was set is dealt with in the same way.
local interval, window, known, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local was, at = string.match(redis.call('GET', KEYS[1]) or '', '^(-?%d+) (%d+)$')
local ahead, taken, isBehind = known, 1, false
if was then
  ahead = math.max(known, math.min(was, most) - math.max(0, now - at))
  isBehind = tonumber(at) > now
end
if ahead + interval > window then taken = 0 else ahead = ahead + interval end
if taken == 1 or isBehind then
  redis.call('SET', KEYS[1], string.format('%d %d', ahead, now), 'PX', math.max(1, math.ceil(ahead / 1000)))
end
return {taken, ahead}
