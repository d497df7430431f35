-- remove: delete a file, and all in the folder of that name.
-- ARGV     name, path, lock, holder ('': not by a lock)
-- returns  "ok"; "fenced", as of put.lua
local path = ARGV[2]
if ARGV[4] ~= '' and holder(ARGV[3]) ~= ARGV[4] then return {'fenced'} end
local all = redis.call('ZRANGEBYLEX', KEYS[2], '[' .. path .. '/', '(' .. path .. '0')
all[#all + 1] = path
for _, one in ipairs(all) do
  redis.call('HDEL', KEYS[1], one)
  redis.call('ZREM', KEYS[2], one)
end
return {'ok'}
