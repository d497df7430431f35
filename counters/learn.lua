-- learn: read all facts.
-- KEYS[1]  the hash of tell.lua
-- returns  now_ms, and the hash's fields and values in turn
-- Milliseconds of the server's own clock. What is over is the reader's business.
local t = redis.call('TIME')
return {t[1] * 1000 + math.floor(t[2] / 1000), redis.call('HGETALL', KEYS[1])}
