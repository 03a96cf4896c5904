/**
 * Lua that several operations share. Each piece is a block of local functions; an operation lists the pieces that it
 * needs, in this order, before its own body.
 *
 * Members of an index, by first byte (keys of callers never start with a control character):
 * - `\1u<µs>`         the index may lack members: it was made while other keys existed, or a tag set was lost
 * - `\1r<ms>`         the registry of tags lives until then; if it does not, it was lost
 * - `\1e`             the index is complete and has no members
 * - `\1c<member>`     where the cleaning of the index goes on
 * - `\31<scope>\31…`  a key of a scope
 * - anything else     a key
 *
 * Fields of the hash of leases:
 * - `\1`              `<epoch>|<number of marks>|<fields at which to sweep>`; there since a tag was invalidated
 * - `\2<tag>`         the epoch at which the tag was invalidated, while leases were out
 * - anything else     a key: `<token>|<epoch>|<taken at, ms>|<lives until, ms>|<processes that wait, each with a comma>`
 *
 * Leases, marks and the epoch that orders them are one key: they are lost together, and then every fill is refused.
 */

/**
 * Refuses while the slot of a Cluster is being moved to another node. Part of the group is then here and part there, and
 * the node that receives it takes what has not arrived for missing: an invalidation would meet nothing, be acknowledged,
 * and the entry would arrive afterwards. A question about two keys, one of which never exists, is refused by both
 * nodes from the first step of the move to the last, and answered by any other.
 */
export const LUA_WHOLE = `
if ARGV[2] ~= '' then redis.call('EXISTS', KEYS[1], KEYS[1] .. '?') end
`;

/** KEYS[1] index; ARGV[1] base of all names, ARGV[2] hash tag. Defines the prefixes and the server's time. */
export const LUA_NAMES: string = `${LUA_WHOLE}
local INDEX = KEYS[1]
local ENTRY = ARGV[1] .. 'e' .. ARGV[2] .. ':'
local LEASES = ARGV[1] .. 'l' .. ARGV[2]
local TAG = ARGV[1] .. 't' .. ARGV[2] .. ':'
local TAGS = ARGV[1] .. 'r' .. ARGV[2]
local WAKE = ARGV[1] .. 'w:'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local micros = string.format('%.0f', time[1] * 1000000 + time[2])
`;

/**
 * expire(key, at): makes an existing key live at least until then. A little longer, so that not every write has to
 * move the expiry of what it shares with others: by a hundredth of the time, at most a second.
 */
export const LUA_EXPIRE = `
local function expire(key, at)
  if now + redis.call('PTTL', key) < at then
    redis.call('PEXPIREAT', key, at + math.min(1000, math.floor((at - now) / 100)))
  end
end
`;

/** Allows the script while the server is out of memory: freeing must always be possible. */
export const LUA_ALLOW_OOM = "#!lua flags=allow-oom\n";
