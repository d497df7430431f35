-- open: the name of the store; a store without one gets it.
-- KEYS     those of begin.lua, which does not stand before this
-- ARGV     name
redis.call('HSETNX', KEYS[1], '', ARGV[1])
return {'ok', redis.call('HGET', KEYS[1], '')}
