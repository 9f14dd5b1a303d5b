import { createHash } from "node:crypto";

/** Lua that the server runs as one step, known to it by its SHA-1. */
export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

/** Which server this is, as far as its data go: a restart or a failover begins a new origin. */
const originOf = `
local function origin()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end
`;

/**
 * The newest record of a session. A script, since a replica refuses scripts that may write: a
 * demoted primary would answer a plain read from its own data.
 *
 * KEYS: session, sessions. ARGV: 1 session id.
 * Answers {record or false, 1 if there is none though the session is attached}.
 */
export const loadScript: RedisScript = script(`#!lua flags=allow-oom
local record = redis.call('HGET', KEYS[1], 'record')
local lost = not record and redis.call('ZSCORE', KEYS[2], ARGV[1])
return {record, lost and 1 or 0}
`);

/**
 * Forgets an attached session whose record is gone, which begins an incarnation: others may be gone too.
 *
 * KEYS: session, state, deadlines, sessions, and whatever the edits name.
 * ARGV: 1 session id, 2 now, 3 edits as JSON, 4 channel, 5 notice.
 * Answers 1, or 0 when there is nothing to forget.
 */
export const forgetLostScript: RedisScript = script(`
if redis.call('HGET', KEYS[1], 'revision') or not redis.call('ZSCORE', KEYS[4], ARGV[1]) then
  return 0
end
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
for _, edit in ipairs(cjson.decode(ARGV[3])) do
  local reply = redis.call(unpack(edit))
  if edit[1] == 'HINCRBY' and reply == 0 then
    redis.call('HDEL', edit[2], edit[3])
  end
end
-- Records lost together are found one by one. Losses within ten seconds count as one.
local state, now = redis.call('HMGET', KEYS[2], 'history', 'lost'), tonumber(ARGV[2])
if tonumber(state[2] or '0') <= now - 10000 then
  local history = math.max(tonumber(state[1] or '0') + 1, now)
  redis.call('HSET', KEYS[2], 'history', string.format('%.0f', history), 'lost', ARGV[2])
end
local number = redis.call('HINCRBY', KEYS[2], 'changes', 1)
redis.call('SPUBLISH', ARGV[4], number .. '\\n' .. ARGV[5])
return 1
`);

/**
 * Compare-and-set of some sessions, each for itself, with everything that goes with it.
 *
 * KEYS, for each change: session, state, deadlines; and whatever the edits name.
 * ARGV, for each change: 1 revision expected ('' for none), 2 new revision, 3 record ('' to forget
 *   it), 4 deadline ('' for none), 5 session id, 6 newest gap known, 7 incarnation known (kept as
 *   history), 8 moment that the newest heartbeat must not be older than, 9 edits as JSON ('' for
 *   none), 10 channel ('' to publish nothing), 11 notice.
 * Answers for each change {'committed'} or {'unaware'} or {'conflict', record or false}, or an error.
 */
export const commitScript: RedisScript = script(`${originOf}
local here, states = origin(), {}

local function commit(KEYS, ARGV)
  -- No edit touches what is read here, so that changes of one bucket may share it.
  local state = states[KEYS[2]]
  if not state then
    state = redis.call('HMGET', KEYS[2], 'alive', 'gap', 'history', 'origin')
    states[KEYS[2]] = state
  end
  -- The decision has to know of every gap and of the incarnation, or it would count silence that was
  -- not an end's.
  if (state[2] or '0') ~= ARGV[6] or state[3] ~= ARGV[7]
    or tonumber(state[1] or '0') < tonumber(ARGV[8]) then
    return {'unaware'}
  end
  -- After a failover counters may be behind what was shown, and a revision may exist twice with
  -- different records. Nothing is committed before the failover is known.
  if state[4] ~= here then
    return {'unaware'}
  end

  if (redis.call('HGET', KEYS[1], 'revision') or '') ~= ARGV[1] then
    return {'conflict', redis.call('HGET', KEYS[1], 'record')}
  end

  if ARGV[3] == '' then
    redis.call('DEL', KEYS[1])
  else
    redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'record', ARGV[3])
  end

  if ARGV[4] == '' then
    redis.call('ZREM', KEYS[3], ARGV[5])
  else
    redis.call('ZADD', KEYS[3], ARGV[4], ARGV[5])
  end

  -- Indexes, counts and the time to live of a tombstone; each edit is a command without its reply.
  if ARGV[9] ~= '' then
    for _, edit in ipairs(cjson.decode(ARGV[9])) do
      local reply = redis.call(unpack(edit))
      if edit[1] == 'HINCRBY' and reply == 0 then
        redis.call('HDEL', edit[2], edit[3])
      end
    end
  end

  -- Numbered, so that listeners notice a lost one.
  if ARGV[10] ~= '' then
    local number = redis.call('HINCRBY', KEYS[2], 'changes', 1)
    redis.call('SPUBLISH', ARGV[10], number .. '\\n' .. ARGV[11])
  end
  return {'committed'}
end

local replies = {}
for change = 1, #KEYS / 3 do
  local keys = {unpack(KEYS, change * 3 - 2, change * 3)}
  local _, reply = pcall(commit, keys, {unpack(ARGV, change * 11 - 10, change * 11)})
  -- An error is its message.
  replies[change] = type(reply) == 'table' and reply or {err = reply}
end
return replies
`);

/**
 * Records that a process reaches the bucket and the gap before that, notices a new origin, and
 * deletes rates that are out of date.
 *
 * KEYS: state, gaps, negotiations, rates kept, and whatever the increments and those name.
 * ARGV: 1 now, 2 silence that makes a gap, 3 kind of gap, 4 newest gap known, 5 gaps kept,
 *   6 for how long rates are kept,
 *   7 increments of rates as JSON ('' for none): key, place in its ring, turn, count,
 *   8 when the caller last sent a heartbeat; 0 for never.
 * Answers {gaps not known, incarnation, changes, negotiations by manager, seconds, microseconds}.
 */
export const heartbeatScript: RedisScript = script(`${originOf}
local state = redis.call('HMGET', KEYS[1], 'alive', 'gap', 'history', 'origin', 'changes', 'clock')
local alive, newest, now = tonumber(state[1]), tonumber(state[2] or '0'), tonumber(ARGV[1])
local quiet, kind, time, here = tonumber(ARGV[2]), ARGV[3], redis.call('TIME'), origin()
-- Numbers of this size would be written as 1.7e+12.
local function whole(number) return string.format('%.0f', number) end

-- A server that stood still finds heartbeats waiting, which were not received in time. Its own
-- clock shows how late they are. No caller waits longer than ten seconds: beyond that the clock was
-- set.
local clock = math.floor(time[1] * 1000 + time[2] / 1000)
if alive and state[6] and state[4] == here then
  local late = alive + clock - tonumber(state[6]) - now
  if late > quiet / 2 and late < 10000 then
    now, kind = now + late, 'absence'
  end
end

if alive and now - alive > quiet then
  newest = newest + 1
  redis.call('HSET', KEYS[1], 'gap', newest)
  redis.call('RPUSH', KEYS[2], cjson.encode({whole(newest), state[1], whole(now), kind}))
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[5]), -1)
end
if not alive or now > alive then
  redis.call('HSET', KEYS[1], 'alive', whole(now), 'clock', whole(clock))
end

-- Data older than the caller's last heartbeat were restored under a running server.
local history = state[3]
if state[4] ~= here or (alive or 0) < tonumber(ARGV[8]) then
  history = whole(math.max(tonumber(history or '0') + 1, now))
  redis.call('HSET', KEYS[1], 'history', history, 'origin', here)
end

-- A place of a ring holds the turn in which it was written last, and the count of that turn.
local increments = ARGV[7] ~= '' and cjson.decode(ARGV[7]) or {}
for _, increment in ipairs(increments) do
  local key, place, turn, count = unpack(increment)
  local held, before = string.match(redis.call('HGET', key, place) or '', '(%d+) (%d+)')
  if held ~= turn then before = 0 end
  redis.call('HSET', key, place, turn .. ' ' .. whole(before + count))
  redis.call('ZADD', KEYS[4], 'GT', whole(now), key)
end

-- A few at a time, so that no heartbeat takes long, but more than were added, so that they never
-- pile up.
local since, most = whole(now - tonumber(ARGV[6])), #increments + 10
local old = redis.call('ZRANGE', KEYS[4], '-inf', '(' .. since, 'BYSCORE', 'LIMIT', 0, most)
for _, key in ipairs(old) do
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[4], key)
end

local unknown = newest - tonumber(ARGV[4])
local gaps = unknown > 0 and redis.call('LRANGE', KEYS[2], -unknown, -1) or {}
return {gaps, history, state[5] or '0', redis.call('HGETALL', KEYS[3]), time[1], time[2]}
`);

/**
 * Begins a new incarnation, since the server shows an older state than it did.
 *
 * KEYS: state. ARGV: 1 now.
 */
export const beginIncarnationScript: RedisScript = script(`
local history = tonumber(redis.call('HGET', KEYS[1], 'history') or '0')
redis.call('HSET', KEYS[1], 'history', string.format('%.0f', math.max(history + 1, tonumber(ARGV[1]))))
`);

/**
 * Claims sessions that are due: until the claim ends they are due for no other process. The commit
 * of a claimed session sets its deadline.
 *
 * The deadline of a session that is gone is deleted. A session whose key cannot be read is claimed
 * like any other, so that it does not keep the others from being claimed.
 *
 * KEYS: deadlines, then sessions. ARGV: 1 now, 2 end of the claim, then the ids of these sessions.
 * Answers the ids that were claimed.
 */
export const claimScript: RedisScript = script(`
local claimed = {}
for index = 3, #ARGV do
  local deadline = redis.call('ZSCORE', KEYS[1], ARGV[index])
  if not redis.pcall('HGET', KEYS[index - 1], 'revision') then
    redis.call('ZREM', KEYS[1], ARGV[index])
  elseif deadline and tonumber(deadline) <= tonumber(ARGV[1]) then
    redis.call('ZADD', KEYS[1], ARGV[2], ARGV[index])
    claimed[#claimed + 1] = ARGV[index]
  end
end
return claimed
`);

export function script(text: string): RedisScript {
  return { text, sha1: createHash("sha1").update(text).digest("hex") };
}
