-- read: files by their paths.
-- ARGV     name, bytes: after so many, no more are read; then paths
-- returns  "ok", then of each path that was read "modified_ms value", "" if there is none
local bytes, found = tonumber(ARGV[2]), {'ok'}
for i = 3, #ARGV do
  local file = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  found[#found + 1] = file
  bytes = bytes - #file
  if bytes < 0 then break end
end
return found
