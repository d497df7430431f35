-- since: read what changed in the list of bans after a version.
-- KEYS[1]  the hash of ban.lua
-- KEYS[2]  its sorted set of changes
-- ARGV     after: the version, most: how many to read at once
-- returns  the version of the list (0: there is none), the version up to which this
--          is all, and what stands, as ban.lua publishes it
-- Milliseconds of the server's own clock. What is over is left out.
local after, most = ARGV[1], tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local version = redis.call('HGET', KEYS[1], ' version') or '0'
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local lines = {}
for i = 1, #found, 2 do
  local id = found[i]
  local told, over, cause, text = string.match(redis.call('HGET', KEYS[1], id) or '', '^(%d+) (%d+) (%a+) (.*)$')
  if told and tonumber(over) > now then
    local line = string.format('%d %d %d %d ', tonumber(found[i + 1]), tonumber(told), math.max(0, now - told), over - now)
    lines[#lines + 1] = line .. cause .. ' ' .. id .. ' ' .. text
  end
end
local upto = version
if #found == 2 * most then upto = string.format('%d', tonumber(found[#found])) end
return {version, upto, lines}
