// The form of an entry (entry-form.ts) for scripts that run inside Redis.

import {
  etagLengthAt,
  etagRule,
  fieldRules,
  magic,
  nameRule,
  oldestVersion,
  usualHeadBytes,
  version,
  type FieldRule,
  type ValueRule,
} from './entry-form.ts';

/** In a string literal. */
function luaByte(value: number): string {
  return `\\${`${value}`.padStart(3, '0')}`;
}

/** The pattern matches a whole value. It has ranges only: those need no escapes in a set. */
function luaRule({ ranges, maxBytes, isRequired = false }: ValueRule & Partial<FieldRule>): string {
  const set = ranges.map(([from, to]) => `${luaByte(from)}-${luaByte(to)}`).join('');
  return `{pattern = '^[${set}]+$', maxBytes = ${maxBytes}, isRequired = ${isRequired}}`;
}

const rules = Object.entries<FieldRule>(fieldRules).map(([name, of]) => `${name} = ${luaRule(of)}`);

/**
 * `headOf(key)`: of a string, its `kind` ('entry', 'foreign', 'invalid' or 'newer'). Of an entry also its `etag`, whether
 * that is `weak`, its `write`, whether its body is `gzip`, and how many bytes its head has; of a newer one its `version`. The same as `decodeHead`
 * says.
 */
export const headOfFunction = `
local etagRule, nameRule = ${luaRule(etagRule)}, ${luaRule(nameRule)}
local rules = {${rules.join(', ')}}
local invalid = {kind = 'invalid'}

local function isValid(rule, value)
  return #value <= rule.maxBytes and string.find(value, rule.pattern) ~= nil
end

local function fieldsOf(header)
  local fields, at, areValid, isNewer = {}, 1, true, false
  while at <= #header do
    local name, value, nextAt = string.match(header, '^([^=]*)=([^\\n]*)\\n()', at)
    if not name then return nil end
    local rule = rules[name]
    if not rule then
      if not isValid(nameRule, name) then return nil end
      isNewer = isNewer or string.find(name, '^[A-Z]') ~= nil
    elseif fields[name] or not isValid(rule, value) then
      areValid = false
    else
      fields[name] = value
    end
    at = nextAt
  end
  for name, rule in pairs(rules) do
    if rule.isRequired and not fields[name] then areValid = false end
  end
  return areValid and fields, isNewer
end

local function headOf(key)
  local start = redis.call('GETRANGE', key, 0, ${usualHeadBytes - 1})
  if string.sub(start, 1, ${magic.length}) ~= '${[...magic].map(luaByte).join('')}' then return {kind = 'foreign'} end
  local version, etagLength = string.byte(start, ${magic.length + 1}, ${etagLengthAt + 1})
  if version and version > ${version} then return {kind = 'newer', version = version} end
  if not etagLength or version < ${oldestVersion} then return invalid end
  local lengthAt = ${etagLengthAt + 1} + etagLength
  local high, low = string.byte(start, lengthAt + 1, lengthAt + 2)
  if not low then return invalid end
  local headerAt = lengthAt + 2
  local bytes = headerAt + high * 256 + low
  if bytes > #start then start = redis.call('GETRANGE', key, 0, bytes - 1) end
  if bytes > #start then return invalid end
  local etag = string.sub(start, ${etagLengthAt + 2}, lengthAt)
  local fields, isNewer = fieldsOf(string.sub(start, headerAt + 1, bytes))
  if isNewer then return {kind = 'newer', version = version} end
  if not fields or not isValid(etagRule, etag) then return invalid end
  return {kind = 'entry', etag = etag, weak = fields.weak ~= nil and fields.stale ~= nil, write = fields.write, gzip = fields.Gzip ~= nil, bytes = bytes}
end
`;
