-- Reads a session, accounts, and the account of the session's own challenge.
-- KEYS: the session, then the accounts. ARGV: what the names of accounts begin with.
-- Gives the values in the order of KEYS, and last the session's own account.
local values = redis.call('MGET', unpack(KEYS))
local session = values[1]
values[#KEYS + 1] = session and redis.call('GET', ARGV[1] .. string.sub(session, -40, -25))
return values
