-- settle: charge the buckets KEYS with what was spent from them.
-- ARGV     for each key: cost_us, age_us: how much was spent, as time at the
--          limit's rate, and how long ago the spending began at the earliest
-- returns  for each key: ahead_us: how far in the future the bucket is full
-- Whole microseconds of the server's own clock, so every edge agrees. What was
-- spent is always charged: a bucket may go further ahead than its burst. It is
-- kept for a second after it is full, as the other edges settle later.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local ahead = {}
for i, key in ipairs(KEYS) do
  local cost, age = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local tat = math.max(tonumber(redis.call('GET', key) or 0), now - age) + cost
  local left = math.max(0, math.ceil((tat - now) / 1000))
  redis.call('SET', key, string.format('%d', tat), 'PX', left + 1000)
  ahead[i] = tat - now
end
return ahead
