import { type RedisScript, script } from "../records/redis-scripts.ts";

/** What a user of the store has to be allowed, as `ACL SETUSER` takes it; a test finds no less. */
export const rights: string = [
  "~lease:* &lease:*",
  "+info +ping +time +eval +evalsha +ssubscribe +spublish",
  "+hget +hmget +hgetall +hset +hdel +hincrby +del +persist",
  "+zadd +zrem +zrange +zscore +rpush +ltrim +lrange",
].join(" ");

/** What it has to be allowed besides, where `LEASE_REDIS_ACK_REPLICAS` is set. */
export const rightsToAcknowledge = "+wait";

/** And on a cluster. */
export const rightsOnCluster = "+cluster|slots +cluster|keyslot";

/**
 * Does once everything that the store will ever do, so that missing rights are known at the start.
 *
 * KEYS: three of the bucket's that nobody else uses. ARGV: 1 a channel of the bucket.
 * Answers what was refused and why, one command after the other.
 */
export const tryScript: RedisScript = script(`
local refused = {}
local function try(command, ...)
  local reply = redis.pcall(command, ...)
  if type(reply) == 'table' and reply.err then
    refused[#refused + 1] = command
    refused[#refused + 1] = reply.err
  end
end

local hash, set, list = KEYS[1], KEYS[2], KEYS[3]
try('hset', hash, 'field', '1')
try('hincrby', hash, 'field', '1')
try('hget', hash, 'field')
try('hmget', hash, 'field')
try('hgetall', hash)
try('persist', hash)
try('hdel', hash, 'field')
try('zadd', set, '1', 'member')
try('zscore', set, 'member')
try('zrange', set, '0', '-1')
try('zrem', set, 'member')
try('rpush', list, 'element')
try('lrange', list, '0', '-1')
try('ltrim', list, '0', '-1')
try('del', hash, set, list)
try('time')
try('info', 'replication')
try('spublish', ARGV[1], '')
return refused
`);
