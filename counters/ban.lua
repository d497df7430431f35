-- ban: make bans, and liftings of bans, known to all edges, if they are to stand.
-- KEYS[1]  a hash: by id "told_ms until_ms cause text". An id is a key in base 64,
--          a colon and a shop, or nothing for all. The cause 'lifted' is of a ban
--          that was lifted, which is remembered until that would have ended. The
--          field ' version' counts the changes
-- KEYS[2]  a sorted set: ids by their end; those by people 10^14 later, so that
--          they are never the first
-- KEYS[3]  a sorted set: ids by the version of their last change
-- KEYS[4]  the sorted set of vouch.lua
-- KEYS[5]  a hash: how many bans each shop made in the minute of field ' minute'
-- ARGV     channel, most: how many there may be; then for each: id, cause, text,
--          told_ms (0: not yet), age_ms, life_ms, guard ('': neither guard nor cap
--          are asked), the shop that asks, how many it may make in a minute
-- returns  for each what now stands, as it was published on the channel if that is
--          new: "version told_ms age_ms left_ms cause id text"; or why it is not
--          to stand: "vouched left_ms", "capped" or "full"
-- Milliseconds of the server's own clock: the edges' clocks need not agree.
local bans, ends, changes, vouched, caps = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local channel, most, people = ARGV[1], tonumber(ARGV[2]), 100000000000000
local t = redis.call('TIME')
local now, minute = t[1] * 1000 + math.floor(t[2] / 1000), string.format('%d', math.floor(t[1] / 60))

local function forget(id)
  redis.call('HDEL', bans, id)
  redis.call('ZREM', ends, id)
  redis.call('ZREM', changes, id)
end

-- sweep deletes some of what is over.
local function sweep(from)
  local over = redis.call('ZRANGEBYSCORE', ends, string.format('%d', from), string.format('%d', from + now), 'LIMIT', 0, 1000)
  for _, id in ipairs(over) do forget(id) end
end

-- room makes room for one more, if it can.
local function room()
  if redis.call('HLEN', bans) - 1 < most then return true end
  local first = redis.call('ZRANGE', ends, 0, 0, 'WITHSCORES')
  if not first[1] or tonumber(first[2]) >= people then return false end
  forget(first[1])
  return true
end

-- capped counts a ban by the shop, unless it has made enough.
local function capped(shop, enough)
  if redis.call('HGET', caps, ' minute') ~= minute then
    redis.call('DEL', caps)
    redis.call('HSET', caps, ' minute', minute)
    redis.call('PEXPIRE', caps, 60000)
  end
  if tonumber(redis.call('HGET', caps, shop) or 0) >= enough then return true end
  redis.call('HINCRBY', caps, shop, 1)
  return false
end

sweep(0)
sweep(people)
-- A hash that begins anew never counts through versions that were before.
redis.call('HSETNX', bans, ' version', string.format('%d%06d', t[1], t[2]))
local answers, longest = {}, 0
for i = 3, #ARGV, 9 do
  local id, cause, text, told, age = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local till, guard, field = now + tonumber(ARGV[i + 5]), ARGV[i + 6], redis.call('HGET', bans, id)
  local was, over, stands, said = string.match(field or '', '^(%d+) (%d+) (%a+) (.*)$')
  was, over = tonumber(was or 0), tonumber(over or 0)
  if over <= now then was, stands = 0, nil end
  if told > 0 then
    told = math.min(told, now)
  elseif age > 0 then
    told = now - age
  else
    told = math.max(now, was + 1)
  end
  -- The same as row.beats.
  local beats, refused = true, nil
  if stands and (cause == 'lifted' or stands == 'lifted' or cause == 'manual') then
    beats = told > was
  elseif stands == 'manual' then
    beats = false
  elseif stands then
    beats = till - over >= 1000
  end
  if beats and guard ~= '' then
    local protected = tonumber(redis.call('ZSCORE', vouched, guard) or 0)
    if protected > now then
      refused = string.format('vouched %d', protected - now)
    elseif capped(ARGV[i + 7], tonumber(ARGV[i + 8])) then
      refused = 'capped'
    end
  end
  if beats and not refused and not field and not room() then refused = 'full' end
  if refused then
    answers[#answers + 1] = refused
  else
    if beats then
      if cause == 'lifted' and stands then till = math.max(till, over) end
      was, over, stands, said = told, till, cause, text
      longest = math.max(longest, over - now)
      local score = over
      if cause == 'manual' then score = over + people end
      redis.call('HSET', bans, id, string.format('%d %d ', was, over) .. stands .. ' ' .. said)
      redis.call('ZADD', ends, string.format('%d', score), id)
      redis.call('ZADD', changes, string.format('%d', redis.call('HINCRBY', bans, ' version', 1)), id)
    end
    local version = tonumber(redis.call('ZSCORE', changes, id) or 0)
    local line = string.format('%d %d %d %d ', version, was, math.max(0, now - was), math.max(1, over - now))
    line = line .. stands .. ' ' .. id .. ' ' .. said
    answers[#answers + 1] = line
    -- Who may not publish is still heard, a heartbeat later.
    if beats then redis.pcall('PUBLISH', channel, line) end
  end
end
-- All is over a second after the last ban is.
for i = 1, 3 do
  if redis.call('PTTL', KEYS[i]) < longest + 1000 then redis.call('PEXPIRE', KEYS[i], string.format('%d', longest + 1000)) end
end
return answers
