-- clock: the tier's time, in milliseconds, which all edges carry on: see heartbeat.lua. Stands
-- before a script. Until the next heartbeat shows that the server's clock was set, the time is
-- that of the last one, or up to two seconds later.
-- key      a string: "shift_ms last_ms", of the last heartbeat
local function clock(key)
  local t = redis.call('TIME')
  local shift, last = string.match(redis.call('GET', key) or '', '^(-?%d+) (%d+)$')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  if not shift then return now end
  return math.min(math.max(now + shift, tonumber(last)), last + 2000)
end

-- How much longer, in milliseconds, the server keeps what ends by that time: it drops keys by
-- its own clock, which may be set.
local late = 2 * 3600 * 1000
