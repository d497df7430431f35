-- list: what is in a folder, in the order of its bytes.
-- ARGV     name, folder with its slash ('': everything), after: a path as from an earlier answer,
--          or '', most, "deep": files in folders below are listed, or ''
-- returns  "ok", then paths; those of folders end in a slash
local folder, most, found = ARGV[2], tonumber(ARGV[4]), {'ok'}
local from = '[' .. folder
if ARGV[3] ~= '' then from = '(' .. ARGV[3] end
if string.sub(ARGV[3], -1) == '/' then from = '[' .. string.sub(ARGV[3], 1, -2) .. '0' end
local to = '+'
if folder ~= '' then to = '(' .. string.sub(folder, 1, -2) .. '0' end -- '0' comes next to '/'
while #found <= most do
  local some = redis.call('ZRANGEBYLEX', KEYS[2], from, to, 'LIMIT', 0, ARGV[5] == '' and 1 or most)
  for _, path in ipairs(some) do
    from = '(' .. path
    local slash = ARGV[5] == '' and string.find(path, '/', #folder + 1, true)
    if slash then
      path = string.sub(path, 1, slash)
      from = '[' .. string.sub(path, 1, -2) .. '0'
    end
    found[#found + 1] = path
  end
  if #some == 0 or ARGV[5] ~= '' then break end
end
return found
