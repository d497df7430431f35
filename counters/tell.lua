-- tell: make facts known to all edges, each unless a newer one of its name is.
-- KEYS[1]  a hash: by name "told_ms until_ms value"; until 0 is an open end, an
--          empty value one that was taken back. Names have no spaces. Fields of
--          its own begin with one: ' version' counts the changes, ' floor' is
--          when the youngest of those was told that were swept out
-- ARGV     channel, most: how many facts there may be; then for each fact: name,
--          value, told_ms (0: not yet), age_ms (0: now), life_ms (0: open end)
-- returns  for each fact what now stands, as it was published on the channel:
--          "version told_ms age_ms left_ms name value"; version is 0 if a newer
--          one stood already; '' for a fact without room
-- Milliseconds of the server's own clock: the edges' clocks need not agree.
local key, channel, most = KEYS[1], ARGV[1], tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function split(field)
  local told, ends, value = string.match(field or '', '^(%d+) (%d+) (.*)$')
  return tonumber(told or 0), tonumber(ends or 0), value
end

-- sweep deletes what is over and, in need of room, what was taken back. An edge
-- that was away knows by the floor that it must not tell those again.
local function sweep(need)
  local floor, all = tonumber(redis.call('HGET', key, ' floor') or 0), redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local told, ends, value = split(all[i + 1])
    if value and (ends ~= 0 and ends <= now or need and value == '') then
      redis.call('HDEL', key, all[i])
      floor = math.max(floor, told)
    end
  end
  redis.call('HSET', key, ' floor', string.format('%d', floor), ' swept', string.format('%d', now))
end

-- room says whether one more name fits beside the hash's own three fields.
local tidy = false
local function room()
  if redis.call('HLEN', key) - 3 < most then return true end
  if not tidy then sweep(true) end
  tidy = true
  return redis.call('HLEN', key) - 3 < most
end

if math.abs(now - tonumber(redis.call('HGET', key, ' swept') or 0)) >= 1000 then sweep(false) end
-- A hash that begins anew never counts through versions that were before.
redis.call('HSETNX', key, ' version', string.format('%d%06d', t[1], t[2]))
local answers = {}
for i = 3, #ARGV, 5 do
  local name, value, told, age, life = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local last, ends, stands = split(redis.call('HGET', key, name))
  if told > 0 then
    told = math.min(told, now)
  elseif age > 0 then
    told = now - age
  else
    told = math.max(now, last + 1)
  end
  local newer, version = told > last, 0
  if newer and (stands or room()) then
    last, ends, stands = told, 0, value
    if life > 0 then ends = now + life end
    version = redis.call('HINCRBY', key, ' version', 1)
    redis.call('HSET', key, name, string.format('%d %d ', last, ends) .. value)
  end
  answers[#answers + 1] = ''
  if stands then
    local left = 0
    if ends > 0 then left = math.max(1, ends - now) end
    local news = string.format('%d %d %d %d ', version, last, math.max(0, now - last), left) .. name .. ' ' .. stands
    answers[#answers] = news
    -- Who may not publish is still heard, a heartbeat later.
    if version > 0 then redis.pcall('PUBLISH', channel, news) end
  end
end
return answers
