-- set: change entries of one kind for all edges, each if it takes precedence.
-- KEYS[1]  a hash: by "kind/id" "told_ms until_ms priority value". The priority is
--          a (automatic) or m (manual), a capital letter if the entry was deleted,
--          which is remembered until then. Fields of its own begin with a space:
--          ' version' counts the changes, ' began' is the first version, ' floor'
--          the latest version of an entry that was removed
-- KEYS[2]  a sorted set: fields of the hash by the version of their last change
-- KEYS[3]  a sorted set: those of this kind by their end; manual entries 10^14
--          later, so that they are never the first
-- KEYS[4…] those of the kind's admission, a script that stands before this one; the last is
--          clock.lua's, which stands before both
-- ARGV     channel, kind, max: how many entries there may be, rank: 'latest' or
--          'longest' of two automatic entries, width; then for each entry: id,
--          value, priority, told_ms (0: not told yet), age_ms, life_ms, and as many
--          arguments for the admission as width says
-- returns  for each entry what now stands, as it was published on the channel if
--          that is new: "version told_ms age_ms left_ms priority kind/id value"; or
--          why it does not stand: "full", or what the admission returned
-- Milliseconds of the tier's time, which goes on steadily when the server's clock is set. No entry
-- has longer to live than it had at first.
local map, changes, ends = KEYS[1], KEYS[2], KEYS[3]
local channel, kind, max, longest, width = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == 'longest', tonumber(ARGV[5])
local kept = 100000000000000
local now = clock(KEYS[#KEYS])

local function int(n) return string.format('%d', n) end

-- Removed entries leave the floor behind: an edge that was away knows by it that
-- it must not bring them back.
local function remove(field)
  local version = tonumber(redis.call('ZSCORE', changes, field) or 0)
  if version > tonumber(redis.call('HGET', map, ' floor') or 0) then redis.call('HSET', map, ' floor', int(version)) end
  redis.call('HDEL', map, field)
  redis.call('ZREM', changes, field)
  redis.call('ZREM', ends, field)
end

-- sweep removes some of what is over.
local function sweep(from)
  for _, field in ipairs(redis.call('ZRANGEBYSCORE', ends, int(from), int(from + now), 'LIMIT', 0, 1000)) do remove(field) end
end

-- room makes room for one more entry, if it can: what is not manual and ends first
-- gives way.
local function room()
  if redis.call('ZCARD', ends) < max then return true end
  local first = redis.call('ZRANGE', ends, 0, 0, 'WITHSCORES')
  if not first[1] or tonumber(first[2]) >= kept then return false end
  remove(first[1])
  return true
end

local function deleted(priority) return priority == 'A' or priority == 'M' end

-- The same as precedence in precedence.go.
local function precedence(priority, told, over)
  if priority == 'm' then return 4e15 + told * 1000 end
  if longest then return over end
  return told * 1000
end

-- The same as beats in precedence.go.
local function beats(priority, told, over, stands, was, ended)
  if priority == 'A' and stands == 'm' then return false end
  if deleted(priority) or deleted(stands) then return told > was end
  return precedence(priority, told, over) - precedence(stands, was, ended) >= 1000
end

sweep(0)
sweep(kept)
-- A map that was emptied never counts through versions that were before.
local start = int(now * 1000)
if redis.call('HSETNX', map, ' version', start) == 1 then redis.call('HSET', map, ' began', start) end
local answers, last = {}, 0
for i = 6, #ARGV, 6 + width do
  local field, value, priority, told, age = kind .. '/' .. ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local life, refused, entry = tonumber(ARGV[i + 5]), nil, redis.call('HGET', map, field)
  local was, ended, stands, said = string.match(entry or '', '^(%d+) (%d+) (%a) (.*)$')
  was, ended = tonumber(was or 0), tonumber(ended or 0)
  if ended <= now then was, stands = 0, nil end
  if told > 0 then
    told = math.min(told, now)
  elseif age > 0 then
    told = now - age
    -- If two changes were made within 5 ms, the one that this server receives later wins:
    -- the edge that made it may already have seen the other.
    -- So does one against an entry from the future: the clock has gone back since.
    if told <= was and (was - told < 5 or was > now) then told = was + 1 end
  else
    told = math.max(now, was + 1)
  end
  local over = math.max(now, told) + life
  local wins = not stands or beats(priority, told, over, stands, was, ended)
  if wins and admit and width > 0 and ARGV[i + 6] ~= '' then
    local args = {}
    for j = 1, width do args[j] = ARGV[i + 5 + j] end
    refused = admit(now, args)
  end
  if wins and not refused and not entry and not room() then refused = 'full' end
  if refused then
    answers[#answers + 1] = refused
  else
    if wins then
      -- A deletion is remembered until what it deleted would have ended, unless
      -- that has an open end, 100 years.
      if deleted(priority) and stands and ended - now < 1e12 then over = math.max(over, ended) end
      was, ended, stands, said = told, over, priority, value
      last = math.max(last, ended - now)
      local score = ended
      if priority == 'm' then score = ended + kept end
      redis.call('HSET', map, field, int(was) .. ' ' .. int(ended) .. ' ' .. stands .. ' ' .. said)
      redis.call('ZADD', ends, int(score), field)
      redis.call('ZADD', changes, int(redis.call('HINCRBY', map, ' version', 1)), field)
    end
    local version = tonumber(redis.call('ZSCORE', changes, field) or 0)
    local line = int(version) .. ' ' .. int(was) .. ' ' .. int(math.max(0, now - was)) .. ' ' .. int(math.max(1, ended - math.max(now, was)))
    line = line .. ' ' .. stands .. ' ' .. field .. ' ' .. said
    answers[#answers + 1] = line
    -- What may not be published is still heard of, a heartbeat later.
    if wins then redis.pcall('PUBLISH', channel, line) end
  end
end
-- All is over after the last entry is, and the server's clock may go forward by two hours.
for i = 1, 3 do
  if redis.call('PTTL', KEYS[i]) < last + late then redis.call('PEXPIRE', KEYS[i], int(last + late)) end
end
return answers
