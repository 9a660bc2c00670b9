// The scripts of the registry in Redis. Each takes the same keys: the roster of instances, the roll calls, the measures
// of instances, and the sums of each minute. Times are those of the server.

import { maxCount } from './counted-text.ts';
import { maxInstances } from './messages.ts';
import { maxMinutes, maxRollCalls } from './registry.ts';

const expireAfterSeconds = 24 * 3600;
const minutesExpireAfterSeconds = 2 * 3600;

// A field of the roster is `<status> <server's ms> <report>`, written in one step with the server's clock.
const serverNow = `local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))`;

// Adds what the instance ARGV[1] has counted to the sums of this minute. ARGV[2] has its counts now, and below them those
// at the last report that it knows to be stored. What is stored itself goes first, so nothing is added twice though an
// answer was lost; the instance's own word is for where that is gone.
const addCounts = `
local function countsIn(line)
  local counts = {}
  for name, count in string.gmatch(line or '', '([%w.]+)=(%d+)') do counts[name] = tonumber(count) end
  return counts
end
local line, lineBefore = string.match(ARGV[2], '^([^\\n]*)\\n([^\\n]*)')
local stored = redis.call('HGET', KEYS[3], ARGV[1])
local before = countsIn(stored and string.match(stored, '^[^\\n]*') or lineBefore)
local added = {}
for name, count in pairs(countsIn(line)) do
  if count > (before[name] or 0) then added[name] = count - (before[name] or 0) end
end
if next(added) then
  local minute = math.floor(now / 60000)
  local field = string.format('%.0f', minute)
  local sums = redis.call('HGET', KEYS[4], field)
  if not sums then
    for _, name in ipairs(redis.call('HKEYS', KEYS[4])) do
      local at = tonumber(name)
      if not at or at <= minute - ${maxMinutes} or at > minute then redis.call('HDEL', KEYS[4], name) end
    end
  end
  for name, count in pairs(countsIn(sums)) do added[name] = (added[name] or 0) + count end
  local parts = {}
  for name, count in pairs(added) do
    parts[#parts + 1] = string.format('%s=%.0f', name, math.min(count, ${maxCount}))
  end
  redis.call('HSET', KEYS[4], field, table.concat(parts, ' '))
  redis.call('EXPIRE', KEYS[4], ${minutesExpireAfterSeconds})
end`;

/** ARGV: instance, its measures, its report. */
export const reportScript = `${serverNow}
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 or redis.call('HLEN', KEYS[1]) < ${maxInstances} then
  redis.call('HSET', KEYS[1], ARGV[1], 'answered ' .. now .. ' ' .. ARGV[3])
  redis.call('EXPIRE', KEYS[1], ${expireAfterSeconds})
end
${addCounts}
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[3], ${expireAfterSeconds})
end
return now`;

/** ARGV: instance, its measures. */
export const leaveScript = `${serverNow}
${addCounts}
redis.call('HDEL', KEYS[3], ARGV[1])
return now`;

// An entry seen after the roll call's start is left alone, unless its time has not come yet: such an entry is forged,
// or the server's clock has been put back, and it would stay for ever. The measures of instances that are gone, also
// those that an earlier version removed, go then.
/** ARGV: record, its time, instances that did not answer. */
export const recordScript = `${serverNow}
for i = 3, #ARGV do
  local field = redis.call('HGET', KEYS[1], ARGV[i])
  if field then
    local status, seen, report = string.match(field, '^(%a+) (%d+) (.*)$')
    if status == 'silent' then redis.call('HDEL', KEYS[1], ARGV[i])
    elseif not status then redis.call('HDEL', KEYS[1], ARGV[i])
    elseif tonumber(seen) < tonumber(ARGV[2]) or tonumber(seen) > tonumber(now) then
      redis.call('HSET', KEYS[1], ARGV[i], 'silent ' .. seen .. ' ' .. report)
    end
  end
end
if redis.call('HLEN', KEYS[3]) > redis.call('HLEN', KEYS[1]) then
  for _, id in ipairs(redis.call('HKEYS', KEYS[3])) do
    if redis.call('HEXISTS', KEYS[1], id) == 0 then redis.call('HDEL', KEYS[3], id) end
  end
end
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('LTRIM', KEYS[2], 0, ${maxRollCalls - 1})
redis.call('EXPIRE', KEYS[2], ${expireAfterSeconds})
return now`;
