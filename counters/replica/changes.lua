-- changes: read what changed in the replicated map after a version.
-- KEYS[1]  the hash of set.lua
-- KEYS[2]  its sorted set of changes
-- KEYS[3]  that of clock.lua, which stands before this
-- ARGV     after: the version, most: how many to read at once, bytes: after how many
--          of them to stop
-- returns  the version of the map (0: there is none), the version up to which this is
--          all, the first version, the floor, and what stands, as set.lua publishes it
-- Milliseconds of the tier's time. Nothing is left of what is over: an edge
-- that was away may have what that replaced.
local after, most, bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = clock(KEYS[3])
local function own(field) return redis.call('HGET', KEYS[1], field) or '0' end
local version = own(' version')
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local upto = version
if #found == 2 * most then upto = string.format('%d', tonumber(found[#found])) end
local lines = {}
for i = 1, #found, 2 do
  local field, at = found[i], tonumber(found[i + 1])
  local told, over, priority, value = string.match(redis.call('HGET', KEYS[1], field) or '', '^(%d+) (%d+) (%a) (.*)$')
  if told then
    local line = string.format('%d %d %d %d ', at, tonumber(told), math.max(0, now - told), math.max(0, over - math.max(now, told)))
    lines[#lines + 1] = line .. priority .. ' ' .. field .. ' ' .. value
    bytes = bytes - #lines[#lines]
    if bytes < 0 and i + 2 < #found then
      upto = string.format('%d', at)
      break
    end
  end
end
return {version, upto, own(' began'), own(' floor'), lines}
