-- unlock: give up a lock.
-- ARGV     name, lock, holder
-- returns  "ok", also if another has it
if holder(ARGV[2]) == ARGV[3] then redis.call('HDEL', KEYS[3], ARGV[2]) end
return {'ok'}
