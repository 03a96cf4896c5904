/**
 * Lua source that defines the local function `glob(pattern, text)`: whether the text matches, with the semantics of
 * `compileGlob` and of Redis' own matcher. To be put before a script that needs it.
 *
 * It works on bytes, at worst in O(#pattern × #text), without recursion. The pattern is compiled when it differs from
 * that of the call before. User data reaches `string.find` only as plain text.
 */
export const luaGlob: string = `
local glob
do
  local compiled, tokens, segments

  -- A token is a byte, true for any byte, false for a star, or a class: a set of bytes, with its negation.
  local function read_class(pattern, at)
    local class = { negated = string.sub(pattern, at, at) == "^" }
    if class.negated then at = at + 1 end
    while at <= #pattern do
      local byte = string.byte(pattern, at)
      if byte == 92 and at < #pattern then
        at = at + 1
        class[string.byte(pattern, at)] = true
      elseif byte == 93 then
        break
      elseif at + 2 <= #pattern and string.byte(pattern, at + 1) == 45 then
        -- Ends in either order; bytes are compared signed, as char is on x86-64.
        local first, last = byte, string.byte(pattern, at + 2)
        if first > 127 then first = first - 256 end
        if last > 127 then last = last - 256 end
        for member = math.min(first, last), math.max(first, last) do class[member % 256] = true end
        at = at + 2
      else
        class[byte] = true
      end
      at = at + 1
    end
    return class, at + 1
  end

  local function compile(pattern)
    compiled, tokens, segments = pattern, {}, {}
    local at, start, literal = 1, 1, true
    local text = {}
    while at <= #pattern do
      local byte = string.byte(pattern, at)
      if byte == 42 then
        if tokens[#tokens] ~= false then
          tokens[#tokens + 1] = false
          segments[#segments + 1] = table.concat(text)
          text = {}
        end
      elseif byte == 63 then
        tokens[#tokens + 1] = true
        literal = false
      elseif byte == 91 then
        tokens[#tokens + 1], at = read_class(pattern, at + 1)
        at = at - 1
        literal = false
      else
        if byte == 92 and at < #pattern then at = at + 1 end
        tokens[#tokens + 1] = string.byte(pattern, at)
        text[#text + 1] = string.sub(pattern, at, at)
      end
      at = at + 1
    end
    segments[#segments + 1] = table.concat(text)
    if not literal then segments = nil end
  end

  -- Literals and stars only: each literal is taken where it first occurs.
  local function match_segments(text)
    local first, last = segments[1], segments[#segments]
    if #segments == 1 then return text == first end
    local limit = #text - #last
    if #first > limit or string.sub(text, 1, #first) ~= first then return false end
    if string.sub(text, limit + 1) ~= last then return false end
    local at = #first + 1
    for i = 2, #segments - 1 do
      local from, to = string.find(text, segments[i], at, true)
      if not from or to > limit then return false end
      at = to + 1
    end
    return true
  end

  -- Only the last star is ever retried.
  local function match_tokens(text)
    local token, at, retry_token, retry_at = 1, 1, nil, nil
    while at <= #text do
      local step = tokens[token]
      local accepted = false
      if step == false then
        token = token + 1
        retry_token, retry_at = token, at
      else
        if step == true then
          accepted = true
        elseif type(step) == "number" then
          accepted = step == string.byte(text, at)
        elseif step then
          accepted = (step[string.byte(text, at)] or false) ~= step.negated
        end
        if accepted then
          token, at = token + 1, at + 1
        elseif retry_token then
          retry_at = retry_at + 1
          token, at = retry_token, retry_at
        else
          return false
        end
      end
    end
    return token > #tokens or (token == #tokens and tokens[token] == false)
  end

  glob = function(pattern, text)
    if pattern ~= compiled then compile(pattern) end
    if text == "" then return #tokens == 0 end
    if segments then return match_segments(text) end
    return match_tokens(text)
  end
end
`;
