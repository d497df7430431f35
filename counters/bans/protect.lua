-- protect: note that customers came from subnets lately.
-- KEYS[1]  a sorted set: keys of subnets by until when they are protected
-- ARGV     max: how many there may be; then for each: key, left_ms
-- returns  how many there are
-- Milliseconds of the server's own clock. The oldest make room.
local t = redis.call('TIME')
local now, longest = t[1] * 1000 + math.floor(t[2] / 1000), 0
for i = 2, #ARGV, 2 do
  local left = tonumber(ARGV[i + 1])
  redis.call('ZADD', KEYS[1], 'GT', string.format('%d', now + left), ARGV[i])
  longest = math.max(longest, left)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[1]))
if redis.call('PTTL', KEYS[1]) < longest then redis.call('PEXPIRE', KEYS[1], longest) end
return redis.call('ZCARD', KEYS[1])
