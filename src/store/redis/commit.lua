-- Writes a change if every record in it is still at the version that was read: all of it, or nothing.
-- KEYS: the records, a session first; then the pool, if a ticket is to be taken.
-- ARGV: how many records; what the names of owners begin with, if the first record is a session; its name; how many
--   tickets the pool has; how long it is kept. Then for each record the version that was read ('' for none), the value,
--   and how long that is kept, in milliseconds.
-- Gives 1 if it is written, 0 if somebody else was first, 2 if the pool is sold out.
local records, owners, name = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local none = string.rep('\0', 16)
local before = none
for i = 1, records do
  local trailer = redis.call('GETRANGE', KEYS[i], -24, -1)
  if string.sub(trailer, -8) ~= ARGV[3 + 3 * i] then
    return 0
  end
  if i == 1 and trailer ~= '' then
    before = string.sub(trailer, 1, 16)
  end
end
local pool = KEYS[records + 1]
if pool then
  local taken = tonumber(redis.call('GET', pool) or 0)
  if taken >= tonumber(ARGV[4]) then
    return 2
  end
  redis.call('SET', pool, taken + 1, 'PX', ARGV[5])
end
for i = 1, records do
  redis.call('SET', KEYS[i], ARGV[4 + 3 * i], 'PX', ARGV[5 + 3 * i])
end
if owners ~= '' then
  local challenge = string.sub(ARGV[7], -24, -9)
  if before ~= none and before ~= challenge then
    redis.call('DEL', owners .. before)
  end
  if challenge ~= none then
    redis.call('SET', owners .. challenge, name, 'PX', ARGV[8])
  end
end
return 1
