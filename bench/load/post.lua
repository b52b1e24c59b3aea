-- wrk script: POSTs one fixed body (file named by the environment) and prints the figures as one JSON
-- line that starts with RESULT, errors included.
local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

wrk.method = "POST"
wrk.body = read(os.getenv("BENCH_BODY"))
wrk.headers["Content-Type"] = os.getenv("BENCH_TYPE") or "application/json"
local json_bytes = os.getenv("BENCH_JSON_BYTES")
if json_bytes then
  wrk.headers["Inference-Header-Content-Length"] = json_bytes
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "bad_status": %d, "broken": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
