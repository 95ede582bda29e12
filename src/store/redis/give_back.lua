-- Gives a ticket back to the pool KEYS[1], if it is still there.
if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then
  redis.call('DECR', KEYS[1])
end
return 1
