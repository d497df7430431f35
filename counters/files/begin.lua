-- begin: stands before each script of files.
-- KEYS[1]  a hash: files by path, each "modified_ms value"; at the empty path the store's name
-- KEYS[2]  a sorted set: the paths, in the order of their bytes
-- KEYS[3]  a hash: locks by name, each "ends_ms holder"
-- KEYS[4]  that of clock.lua, which stands before this
-- ARGV[1]  the name of the store that the caller knows; it gets "another" from any other,
--          and from one without a name
local now = clock(KEYS[4])
local function holder(lock)
  local ends, by = string.match(redis.call('HGET', KEYS[3], lock) or '', '^(%d+) (.*)$')
  if ends and tonumber(ends) > now then return by, tonumber(ends) end
end
if ARGV[1] == '' or redis.call('HGET', KEYS[1], '') ~= ARGV[1] then return {'another'} end
