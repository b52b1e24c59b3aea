// The limits of a listener; the defaults are those of common/base/limits.h.

#pragma once

#include <cstddef>

#include "common/base/limits.h"
#include "common/base/time.h"

namespace sluice::gateway {

// kBufferedBodyBytes or a quarter of the machine's (or cgroup's) memory, whichever is less.
std::size_t default_buffered_bytes();

struct HttpOptions {
  std::size_t head_bytes = limits::kHttpHeadBytes;
  std::size_t request_line_bytes = limits::kHttpRequestLineBytes;
  std::size_t header_count = limits::kHttpHeaderCount;
  std::size_t body_bytes = limits::kHttpBodyBytes;
  std::size_t chunk_count = limits::kChunkCount;
  std::size_t buffered_bytes = default_buffered_bytes();  // all connections of the listener
  std::size_t pipelined = limits::kPipelinedRequests;     // a power of two, at most 16
  std::size_t connections = limits::kConnectionsPerShard;
  std::size_t stream_backlog = limits::kStreamBacklog;
  Duration head_time = limits::kHttpHeadTime;
  Duration body_stall = limits::kHttpBodyStall;
  Duration write_stall = limits::kHttpWriteStall;
  Duration idle_time = limits::kHttpIdleTime;
  Duration linger_time = limits::kLingerTime;
  std::size_t linger_bytes = limits::kLingerBytes;
};

}  // namespace sluice::gateway
