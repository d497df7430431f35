-- keep: keep a record, in place of the one with its id.
-- KEYS[1]  a sorted set: ids by the time of their record
-- KEYS[2]  a hash: records by id, each "token at_ms value"
-- KEYS[3]  a sorted set: ids by the time at which their record ends
-- KEYS[4]  that of clock.lua, which stands before this
-- ARGV     id, value, at_ms, life_ms, token (0: whatever stands), max: how many there may be
-- returns  "kept"; "fenced": a higher token has kept it; "old": there is no room, all others
--          are younger
-- What is over is removed, then the oldest until there is room. Ends are of the tier's time.
local now, life, token = clock(KEYS[4]), tonumber(ARGV[4]), tonumber(ARGV[5])
local function remove(id)
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('%d', now))) do remove(id) end
local before = tonumber(string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^(%d+) ') or 0)
if token > 0 and before > token then return 'fenced' end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], string.format('%d %s ', math.max(token, before), ARGV[3]) .. ARGV[2])
redis.call('ZADD', KEYS[3], string.format('%d', now + life), ARGV[1])
local kept = 'kept'
while redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[6]) do
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  remove(oldest)
  if oldest == ARGV[1] then kept = 'old' end
end
for i = 1, 3 do
  if redis.call('PTTL', KEYS[i]) < life + late then redis.call('PEXPIRE', KEYS[i], life + late) end
end
return kept
