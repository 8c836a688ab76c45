-- One thread of load: fresh senders, each with three different questions; the questions of one
-- sender are 64 requests apart, so that a person's messages come one after the other.
-- Arguments: a tag (part of every sender's name), what an answer must have, a file of questions
-- (one JSON string a line), and a number: with more than 0 no text ever repeats, as each ends with
-- an order number that begins with it.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  tag, wanted, unique = args[1], args[2], tonumber(args[4])
  lines = {}
  for line in io.lines(args[3]) do
    lines[#lines + 1] = line
  end
  sent, good, bad = 0, 0, 0
  headers = { ["Content-Type"] = "application/json" }
end

function request()
  local block, rest = math.floor(sent / 192), sent % 192
  local sender, turn = block * 64 + rest % 64, math.floor(rest / 64)
  sent = sent + 1
  local question = lines[(sender * 3 + turn) % #lines + 1]
  if unique > 0 then
    question = string.format('%s It is order W-%d%06d."', question:sub(1, -2), unique, sent)
  end
  local body = string.format('{"sender":"%s-%d","message":%s}', tag, sender, question)
  return wrk.format("POST", nil, headers, body)
end

function response(status, _, body)
  if status == 200 and body:find(wanted) then
    good = good + 1
  else
    bad = bad + 1
  end
end

function done(summary, latency)
  local sum = { good = 0, bad = 0 }
  for _, thread in ipairs(threads) do
    sum.good = sum.good + thread:get("good")
    sum.bad = sum.bad + thread:get("bad")
  end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"good":%d,"bad":%d,"broken":%d,"seconds":%.6f,"p50":%.6f,"p99":%.6f}\n',
    sum.good, sum.bad, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
