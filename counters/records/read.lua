-- read: records by their ids.
-- KEYS     those of keep.lua
-- ARGV     bytes: after so many, no more are read; then ids
-- returns  of each id that was read the record, "" if there is none
local now, bytes, found = clock(KEYS[4]), tonumber(ARGV[1]), {}
for i = 2, #ARGV do
  local record = ''
  if tonumber(redis.call('ZSCORE', KEYS[3], ARGV[i]) or 0) > now then record = redis.call('HGET', KEYS[2], ARGV[i]) or '' end
  found[#found + 1] = record
  bytes = bytes - #record
  if bytes < 0 then break end
end
return found
