-- list: the ids of records since a time, the latest first.
-- KEYS     those of keep.lua
-- ARGV     since_ms, max
local now, ids = clock(KEYS[4]), {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], '+inf', ARGV[1], 'BYSCORE', 'REV')) do
  if #ids == tonumber(ARGV[2]) then break end
  if tonumber(redis.call('ZSCORE', KEYS[3], id) or 0) > now then ids[#ids + 1] = id end
end
return ids
