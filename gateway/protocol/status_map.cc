#include "gateway/protocol/status_map.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace sluice::gateway {
namespace {

struct Row {
  ErrorCode code;
  int status;
};
using Table = std::array<Row, std::size(kAllErrorCodes)>;

constexpr Table kKserveV2{{
    {ErrorCode::invalid_argument, 400},
    {ErrorCode::not_found, 404},
    {ErrorCode::unsupported, 501},
    {ErrorCode::resource_exhausted, 503},
    {ErrorCode::deadline_exceeded, 504},
    {ErrorCode::unavailable, 503},
    {ErrorCode::data_corrupt, 500},
    {ErrorCode::internal, 500},
    {ErrorCode::cancelled, 499},
}};

// The Go servers answer 400 to every failed inference; their clients look for 200 and nothing else.
// What a retry could cure has its own status, so that a balancer in front can tell.
constexpr Table kGraphPipe{{
    {ErrorCode::invalid_argument, 400},
    {ErrorCode::not_found, 404},
    {ErrorCode::unsupported, 400},
    {ErrorCode::resource_exhausted, 503},
    {ErrorCode::deadline_exceeded, 504},
    {ErrorCode::unavailable, 503},
    {ErrorCode::data_corrupt, 500},
    {ErrorCode::internal, 500},
    {ErrorCode::cancelled, 499},
}};

constexpr const Table& table_of(Protocol protocol) noexcept {
  return protocol == Protocol::graphpipe ? kGraphPipe : kKserveV2;
}

}  // namespace

int http_status(Protocol protocol, ErrorCode code) noexcept {
  const Table& table = table_of(protocol);
  const auto row =
      std::find_if(table.begin(), table.end(), [&](const Row& r) { return r.code == code; });
  SLUICE_CHECK(row != table.end());
  return row->status;
}

}  // namespace sluice::gateway
