// The atomic steps of changing an entry, as Lua scripts run by EVAL. Used by store.ts.
// Know entries only by the place of their etag and the length of their header.

import { magic, maxEtagLength } from './entry.ts';

const luaMagic = [...magic].map((byte) => `\\${byte}`).join('');

// The etag of a string and whether it is an entry's, which stands in its first bytes; of what somebody else
// wrote it is the hash.
const etagOf = `
local function etagOf(key)
  local start = redis.call('GETRANGE', key, 0, ${magic.length + maxEtagLength})
  if #start > ${magic.length} and string.sub(start, 1, ${magic.length}) == '${luaMagic}' then
    return string.sub(start, ${magic.length + 2}, ${magic.length + 1} + string.byte(start, ${magic.length + 1})), true
  end
  return redis.sha1hex(redis.call('GET', key)), false
end
`;

// KEYS: the entry; for 'set' perhaps a lock that must be the owner's, for 'del' what else is removed.
// ARGV: operation ('set' or 'del'), condition, value, ttl in ms, owner, etags ('*' or tags). Conditions: 'none';
// 'match', an entry with one of the tags is there; 'none-match', it is not; 'unchanged', it is, or nothing is.
// EVAL, not EVALSHA: a script unknown to a restarted server would cost a second round trip; Redis caches it.
export const writeScript = `${etagOf}
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'string' then return 'wrong-type' end
local exists = kind == 'string'
local condition = ARGV[2]
if condition ~= 'none' and (exists or condition ~= 'unchanged') then
  local matched = false
  if exists then
    local etag
    for i = 6, #ARGV do
      if ARGV[i] == '*' then
        matched = true
      else
        etag = etag or etagOf(KEYS[1])
        if ARGV[i] == etag then matched = true end
      end
    end
  end
  if matched == (condition == 'none-match') then return 'precondition-failed' end
end
if ARGV[1] == 'del' then
  redis.call('DEL', unpack(KEYS))
else
  if KEYS[2] and redis.call('GET', KEYS[2]) ~= ARGV[5] then return 'precondition-failed' end
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
if exists then return 'replaced' end
return 'created'
`;

// Replaces the header and the time to live of the entry that has this etag; its body moves nowhere.
// ARGV: etag, header, ttl in ms.
export const touchScript = `${etagOf}
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return 'precondition-failed' end
local etag, own = etagOf(KEYS[1])
if not own or etag ~= ARGV[1] then return 'precondition-failed' end
local value = redis.call('GET', KEYS[1])
local at = ${magic.length + 1} + #ARGV[1]
local bodyAt = at + 3 + string.byte(value, at + 1) * 256 + string.byte(value, at + 2)
local length = string.char(math.floor(#ARGV[2] / 256), #ARGV[2] % 256)
redis.call('SET', KEYS[1], string.sub(value, 1, at) .. length .. ARGV[2] .. string.sub(value, bodyAt), 'PX', ARGV[3])
return 'replaced'
`;
