-- put: write a file.
-- ARGV     name, path, value, lock, holder ('': not by a lock), modified_ms (0: now), max,
--          mode: "any"; "new", only if there is none; "same", only if it has the value that follows
-- returns  "ok"; "fenced": the holder does not have the lock, or its lease is over; "kept": not
--          by that mode; "full"
local path, before = ARGV[2], redis.call('HGET', KEYS[1], ARGV[2])
if ARGV[5] ~= '' and holder(ARGV[4]) ~= ARGV[5] then return {'fenced'} end
if ARGV[8] == 'new' and before then return {'kept'} end
if ARGV[8] == 'same' and string.match(before or '', '^%d+ (.*)$') ~= ARGV[9] then return {'kept'} end
if not before and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[7]) then return {'full'} end
local modified = tonumber(ARGV[6])
if modified == 0 then modified = now end
redis.call('HSET', KEYS[1], path, string.format('%d ', modified) .. ARGV[3])
redis.call('ZADD', KEYS[2], 0, path)
return {'ok'}
