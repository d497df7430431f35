-- publish: tell all edges messages.
-- KEYS[1]  a key at the server of the channels, which is not touched
-- ARGV     channel, message; as many as there are
for i = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end
return #ARGV / 2
