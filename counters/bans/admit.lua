-- admit: the part of set.lua that checks bans. Its arguments are: the key of the
-- subnet, the shop that asks, how many bans that may make in a minute.
-- KEYS[4]  the sorted set of protect.lua
-- KEYS[5]  a hash: how many bans each shop made in the minute of field ' minute'
-- returns  nil, or "protected left_ms" or "capped"
local function admit(now, args)
  local protected = tonumber(redis.call('ZSCORE', KEYS[4], args[1]) or 0)
  if protected > now then return string.format('protected %d', protected - now) end
  local minute = string.format('%d', math.floor(now / 60000))
  if redis.call('HGET', KEYS[5], ' minute') ~= minute then
    redis.call('DEL', KEYS[5])
    redis.call('HSET', KEYS[5], ' minute', minute)
    redis.call('PEXPIRE', KEYS[5], 60000)
  end
  if tonumber(redis.call('HGET', KEYS[5], args[2]) or 0) >= tonumber(args[3]) then return 'capped' end
  redis.call('HINCRBY', KEYS[5], args[2], 1)
end

