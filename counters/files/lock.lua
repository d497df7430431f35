-- lock: take a lock that nobody has, or renew its lease.
-- ARGV     name, lock, holder, life_ms, max, "take" or "renew"
-- returns  "ok"; "held" by another, or to be renewed and lost; "full"
local by = holder(ARGV[2])
if by and by ~= ARGV[3] or not by and ARGV[6] == 'renew' then return {'held'} end
if redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[5]) then
  for _, lock in ipairs(redis.call('HKEYS', KEYS[3])) do
    if not holder(lock) then redis.call('HDEL', KEYS[3], lock) end
  end
  if not by and redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[5]) then return {'full'} end
end
redis.call('HSET', KEYS[3], ARGV[2], string.format('%d ', now + ARGV[4]) .. ARGV[3])
return {'ok'}
