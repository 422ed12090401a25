-- Takes messages, and says that a worker is there: one command where an idle worker would send two.
--
-- KEYS[1..3]  what beat.lua is given
-- KEYS[4..]   what take.lua is given
-- ARGV[1..3]  what beat.lua is given
-- ARGV[4..]   what take.lua is given
-- Returns     {what take.lua returns, what beat.lua returns}

return { take({ unpack(KEYS, 4) }, { unpack(ARGV, 4) }), beat({ unpack(KEYS, 1, 3) }, { unpack(ARGV, 1, 3) }) }
