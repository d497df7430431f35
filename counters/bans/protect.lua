-- protect: note that customers came from subnets lately.
-- KEYS[1]  a sorted set: keys of subnets by until when they are protected
-- KEYS[2]  that of clock.lua, which stands before this
-- ARGV     max: how many there may be; then for each: key, left_ms
-- returns  how many there are
-- Milliseconds of the tier's time. The oldest make room.
local now, longest = clock(KEYS[2]), 0
for i = 2, #ARGV, 2 do
  local left = tonumber(ARGV[i + 1])
  redis.call('ZADD', KEYS[1], 'GT', string.format('%d', now + left), ARGV[i])
  longest = math.max(longest, left)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[1]))
if redis.call('PTTL', KEYS[1]) < longest + late then redis.call('PEXPIRE', KEYS[1], longest + late) end
return redis.call('ZCARD', KEYS[1])
