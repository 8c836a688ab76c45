-- One customer who writes as fast as the server takes it, up to a number of messages.
-- Arguments: the number, a file of questions (one JSON string a line).

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  most = tonumber(args[1])
  lines = {}
  for line in io.lines(args[2]) do
    lines[#lines + 1] = line
  end
  sent, taken, refused = 0, 0, 0
  headers = { ["Content-Type"] = "application/json" }
end

function request()
  sent = sent + 1
  local body = string.format('{"sender":"flood","message":%s}', lines[sent % #lines + 1])
  return wrk.format("POST", nil, headers, body)
end

function response(status)
  if status == 200 then
    taken = taken + 1
  else
    refused = refused + 1
  end
  if taken >= most then
    wrk.thread:stop()
  end
end

function done()
  for _, thread in ipairs(threads) do
    io.write(string.format(
      '\nRESULT {"taken":%d,"refused":%d}\n', thread:get("taken"), thread:get("refused")))
  end
end
