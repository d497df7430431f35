-- lease: lead, go on leading, resign, or learn which edge leads.
-- KEYS[1]  a string: "token beat edge", as long as an edge leads; without an edge it has resigned
-- KEYS[2]  that of clock.lua, which stands before this
-- ARGV     edge; "resign", or what KEYS[1] has been for a whole lease by this edge's clock ("-":
--          it has not been the same for so long); the highest token that this edge has seen
-- returns  what KEYS[1] now is
-- It is no clock that ends a lease, but that an edge saw no beat for as long as one lasts. A
-- token is higher than each before it, also where the store has forgotten those.
local was = redis.call('GET', KEYS[1]) or ''
local token, beat, edge = string.match(was, '^(%d+) (%d+) (.*)$')
local is = was
if edge == ARGV[1] then
  if ARGV[2] == 'resign' then edge = '' end
  is = string.format('%s %d %s', token, beat + 1, edge)
elseif ARGV[2] ~= 'resign' and (was == ARGV[2] or edge == '') then
  token = math.max((token or 0) + 1, ARGV[3] + 1, clock(KEYS[2]))
  is = string.format('%d 1 %s', token, ARGV[1])
end
if is ~= was then redis.call('SET', KEYS[1], is, 'PX', late) end
return is
