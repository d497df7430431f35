-- settle: charge the buckets KEYS with what was spent from them.
-- KEYS     strings "ahead_us at_us": how far from full the bucket was, and when
-- ARGV     for each key: cost_us, age_us, known_us, most_us: how much was spent, as time at
--          the limit's rate; how long ago the spending began at the earliest; how far from
--          full the edge knows the bucket to be, without that, and how far it can be
-- returns  for each key: ahead_us
-- Whole microseconds of the server's own clock, so every edge agrees. If that clock has
-- gone back, or another server with a slower one took over, no time has passed: what is
-- stored is never further ahead than it was. If it has gone forward, or forgot, the edges
-- know what time has not passed. What was spent is always charged: a bucket
-- may go further ahead than its burst. It is kept for a second after it is full, as the
-- other edges settle later.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local answer = {}
for i, key in ipairs(KEYS) do
  local cost, age, known, most = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
  local was, at = string.match(redis.call('GET', key) or '', '^(-?%d+) (%d+)$')
  local ahead = -age
  if was then ahead = math.max(ahead, math.min(was, most) - math.max(0, now - at)) end
  if known > 0 then ahead = math.max(ahead, known) end
  ahead = ahead + cost
  redis.call('SET', key, string.format('%d %d', ahead, now), 'PX', math.max(0, math.ceil(ahead / 1000)) + 1000)
  answer[i] = ahead
end
return answer
