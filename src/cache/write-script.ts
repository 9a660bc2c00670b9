// The atomic steps of changing an entry, as Lua scripts run by EVAL. An invalid entry counts as absent. Where a newer
// version of the app wrote the entry the answer is that version, and nothing is changed.

import { headOfFunction } from './entry-lua.ts';
import { etagLengthAt, magic, version } from './entry-form.ts';

// KEYS: the entry; for 'set' perhaps a key that must hold what guards the write; for 'remove' perhaps where the removal
// is noted, and what else is removed.
// ARGV: operation ('set' or 'remove'), condition, value or note, its ttl in ms, guard, what the condition names.
// EVAL, not EVALSHA: a script unknown to a restarted server would cost a second round trip; Redis caches it.
/** @param maxValueBytes a string that is larger has no entity tag: hashing it would hold up Redis, 5 ms for each MiB. */
export const writeScriptFor = (maxValueBytes: number): string => `${headOfFunction}
local operation, condition, value, ttlMs, guard = unpack(ARGV, 1, 5)
local type = redis.call('TYPE', KEYS[1]).ok
if type ~= 'none' and type ~= 'string' then return 'wrong-type' end
local head = type == 'string' and headOf(KEYS[1]) or {kind = 'none'}
local exists = head.kind ~= 'none' and head.kind ~= 'invalid'
-- Whoever removes an entry whatever it is may do so: that destroys nothing that somebody wants to keep.
if head.kind == 'newer' and not (operation == 'remove' and condition == 'none') then return head.version end

local function etag()
  -- Of what somebody else wrote it is the hash.
  if not head.etag and redis.call('STRLEN', KEYS[1]) <= ${maxValueBytes} then
    head.etag = redis.sha1hex(redis.call('GET', KEYS[1]))
  end
  return head.etag
end

-- A weak tag names no state exactly: If-Match compares strongly (RFC 9110, section 8.8.3.2).
local function hasOneOf(etags, strongly)
  for _, tag in ipairs(etags) do
    if tag == '*' or (tag == etag() and not (strongly and head.weak)) then return true end
  end
  return false
end

local holds = {
  ['none'] = function() return true end,
  ['match'] = function(etags) return exists and hasOneOf(etags, true) end,
  ['none-match'] = function(etags) return not (exists and hasOneOf(etags, false)) end,
  ['absent'] = function() return not exists end,
  ['foreign'] = function() return head.kind == 'foreign' end,
  ['same'] = function(writes) return head.kind == 'entry' and head.write == writes[1] end,
  ['same-or-absent'] = function(writes)
    return not exists or (head.kind == 'entry' and head.write == writes[1])
  end,
}
if not holds[condition]({unpack(ARGV, 6)}) then return 'precondition-failed' end

if operation == 'remove' then
  redis.call('DEL', unpack(KEYS))
  if KEYS[2] then redis.call('SET', KEYS[2], value, 'PX', ttlMs) end
  return exists and 'removed' or 'absent'
else
  -- pcall: a key of another type is an error reply, and guards nothing of ours.
  if KEYS[2] and (redis.pcall('GET', KEYS[2]) or '') ~= guard then return 'precondition-failed' end
  redis.call('SET', KEYS[1], value, 'PX', ttlMs)
end
return exists and 'replaced' or 'created'
`;

// Replaces the header and the time to live of the entry of this write; its body moves nowhere.
// ARGV: the write, the new header, ttl in ms.
export const touchScript = `${headOfFunction}
local write, header, ttlMs = unpack(ARGV)
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return 'precondition-failed' end
local head = headOf(KEYS[1])
if head.kind == 'newer' then return head.version end
if head.kind ~= 'entry' or head.write ~= write then return 'precondition-failed' end
local value = redis.call('GET', KEYS[1])
-- The body stays, and so does what is said of its form.
if head.gzip then header = header .. 'Gzip=1\\n' end
-- An older header may have become one of the version that is written now.
local start = string.sub(value, 1, ${magic.length}) .. string.char(${version}) ..
  string.sub(value, ${etagLengthAt + 1}, ${etagLengthAt + 1} + #head.etag)
local length = string.char(math.floor(#header / 256), #header % 256)
redis.call('SET', KEYS[1], start .. length .. header .. string.sub(value, head.bytes + 1), 'PX', ttlMs)
return 'replaced'
`;
