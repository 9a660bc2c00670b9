// The atomic steps of the order of purges, as Lua scripts run by EVAL. Only durations leave Redis: clocks differ.

import { mostPurgeTargets } from './purge-rules.ts';

// What is written before anybody has said how long it is kept, or after that has been lost.
const unknownHorizonMs = 24 * 3600 * 1000;
// Where nothing is kept, a load may still be under way.
const leastRuleMs = 60_000;
// A horizon is put off by as long again as an entry is kept, within these: so it is asked for once in that time.
const horizonStepMs = { least: 60_000, most: 24 * 3600 * 1000 };
// What instances restore after a loss can be more than may be placed. Whoever can write to Redis can put anything there:
// it must neither hold Redis up nor fill the memory of instances.
const mostCredible = 4 * mostPurgeTargets;
// Rules that are gone are removed so many at a time.
const mostEnded = 1000;
const fewRules = 200;
// Without a question in this time no lease is left.
const leasesKeptMs = 60_000;

// KEYS in all scripts: state (a hash), rules (by place), their ends (by time), leases (by time). ARGV[1]: a new epoch.
// Redis may have lost everything, or have evicted one of the keys: then the epoch is a new one.
// Each write that may be refused for want of memory comes before those that may not.
const opening = `
local function text(number) return string.format('%.0f', number) end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local stored = redis.call('HMGET', KEYS[1], 'place', 'epoch', 'horizon', 'floor', 'count')
local place, epoch, horizon = tonumber(stored[1]) or 0, stored[2], tonumber(stored[3]) or 0
local floor, count = tonumber(stored[4]) or 0, redis.call('ZCARD', KEYS[2])
if count > ${mostCredible} then return redis.error_reply('ERR there are more purges than anybody can have made') end
local function keep(newCount)
  redis.call('HSET', KEYS[1], 'place', text(place), 'epoch', epoch, 'horizon', text(horizon), 'floor', text(floor), 'count', newCount)
  count = newCount
end

local isWhole = epoch and tonumber(stored[5]) == count and redis.call('ZCARD', KEYS[3]) == count
if not isWhole then
  epoch = ARGV[1]
  horizon = math.max(horizon, now + ${unknownHorizonMs})
  local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  place = math.max(place, tonumber(last[2]) or 0)
  keep(count)
  redis.call('DEL', KEYS[3])
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do redis.call('ZADD', KEYS[3], text(horizon), id) end
end

local ended = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', text(now), 'LIMIT', 0, ${mostEnded})
if #ended > 0 then
  for _, id in ipairs(ended) do floor = math.max(floor, tonumber(redis.call('ZSCORE', KEYS[2], id)) or 0) end
  keep(count - #ended)
  redis.call('ZREM', KEYS[2], unpack(ended))
  redis.call('ZREM', KEYS[3], unpack(ended))
end
`;

// ARGV: known place, its epoch, the instance, its lease in ms, how long an entry is kept in ms, whether rules are wanted.
export const askScript = `${opening}
local known, knownEpoch, instance, leaseMs, keptMs, rulesWanted = unpack(ARGV, 2, 7)
leaseMs, keptMs = tonumber(leaseMs), tonumber(keptMs)
if keptMs > 0 and horizon < now + keptMs then
  horizon = now + keptMs + math.max(math.min(keptMs, ${horizonStepMs.most}), ${horizonStepMs.least})
  keep(count)
end
local hasLease = 0
if leaseMs > 0 then
  local leased = redis.pcall('ZADD', KEYS[4], text(now + leaseMs), instance)
  if type(leased) == 'number' then
    hasLease = 1
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', text(now))
    redis.call('PEXPIRE', KEYS[4], ${leasesKeptMs})
  end
end
local reply = {text(place), epoch, text(horizon - now), text(floor), hasLease}
if rulesWanted == '0' then return reply end
local from = epoch == knownEpoch and '(' .. known or '-inf'
local rules = redis.call('ZRANGEBYSCORE', KEYS[2], from, '+inf', 'WITHSCORES')
local ends = {}
if #rules > ${fewRules} then
  -- One command for all of them takes a quarter of the time of one for each.
  local all = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do ends[all[i]] = all[i + 1] end
end
for i = 1, #rules, 2 do
  local id = rules[i]
  reply[#reply + 1] = id
  reply[#reply + 1] = rules[i + 1]
  reply[#reply + 1] = tonumber(ends[id] or redis.call('ZSCORE', KEYS[3], id) or horizon) - now
end
return reply
`;

// ARGV: known place, the rules.
export const placeScript = `${opening}
local added, seen = 0, {}
for i = 3, #ARGV do
  if not seen[ARGV[i]] and not redis.call('ZSCORE', KEYS[2], ARGV[i]) then added = added + 1 end
  seen[ARGV[i]] = true
end
if count + added > ${mostPurgeTargets} then
  local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  return {'full', text((tonumber(first[2]) or now) - now)}
end
place = math.max(place + 1, now, tonumber(ARGV[2]) + 1)
local ends = math.max(horizon, now + ${leastRuleMs})
keep(count + added)
for id in pairs(seen) do
  redis.call('ZADD', KEYS[2], text(place), id)
  redis.call('ZADD', KEYS[3], text(ends), id)
end
local reply = {'placed', text(place), text(now), isWhole and 1 or 0}
-- Not by unpack, which has a limit: the purge has been put in order by now.
for _, instance in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], text(now), '+inf')) do reply[#reply + 1] = instance end
return reply
`;

// ARGV: known place, horizon in ms, floor; for each rule its id, its place, and the ms it is needed.
export const restoreScript = `${opening}
place, floor = math.max(place, tonumber(ARGV[2])), math.max(floor, tonumber(ARGV[4]))
horizon, epoch = math.max(horizon, now + tonumber(ARGV[3])), ARGV[1]
local added = 0
for i = 5, #ARGV, 3 do
  if not redis.call('ZSCORE', KEYS[2], ARGV[i]) then added = added + 1 end
end
keep(count + added)
for i = 5, #ARGV, 3 do
  local id, itsPlace, ends = ARGV[i], tonumber(ARGV[i + 1]), now + tonumber(ARGV[i + 2])
  if itsPlace > (tonumber(redis.call('ZSCORE', KEYS[2], id)) or 0) then redis.call('ZADD', KEYS[2], text(itsPlace), id) end
  if ends > (tonumber(redis.call('ZSCORE', KEYS[3], id)) or 0) then redis.call('ZADD', KEYS[3], text(ends), id) end
end
return 'restored'
`;
