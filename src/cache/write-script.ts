// The one atomic step of a conditional write or removal, as a Lua script run by EVAL. Used by store.ts.
// Knows entries only by the place of their etag.

import { etagLength, magic } from './entry.ts';

const luaMagic = [...magic].map((byte) => `\\${byte}`).join('');

// ARGV: operation ('set' or 'del'), condition ('none', 'match', 'none-match'), value, ttl in ms, etags ('*' or tags).
// Reads 27 bytes to learn an entry's etag, and the whole value only of a string that somebody else wrote.
// EVAL, not EVALSHA: a script unknown to a restarted server would cost a second round trip; Redis caches it.
export const writeScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'string' then return 'wrong-type' end
local exists = kind == 'string'
local condition = ARGV[2]
if condition ~= 'none' then
  local matched = false
  if exists then
    local etag
    for i = 5, #ARGV do
      if ARGV[i] == '*' then
        matched = true
      else
        if not etag then
          local head = redis.call('GETRANGE', KEYS[1], 0, ${magic.length + etagLength - 1})
          if #head == ${magic.length + etagLength} and string.sub(head, 1, ${magic.length}) == '${luaMagic}' then
            etag = string.sub(head, ${magic.length + 1})
          else
            etag = redis.sha1hex(redis.call('GET', KEYS[1]))
          end
        end
        if ARGV[i] == etag then matched = true end
      end
    end
  end
  if matched == (condition == 'none-match') then return 'precondition-failed' end
end
if ARGV[1] == 'del' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
if exists then return 'replaced' end
return 'created'
`;
