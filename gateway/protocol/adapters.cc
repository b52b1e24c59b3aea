// The list of protocols. A new one is a line here, a table in status_map.cc, its own files and its
// document.

#include "gateway/protocol/adapters.h"

#include <array>

#include "gateway/protocol/graphpipe.h"
#include "gateway/protocol/kserve_v2.h"

namespace sluice::gateway {
namespace {

constexpr std::array<Adapter, 2> kAdapters{{
    {.name = "kserve_v2",
     .decode = kserve_v2::decode,
     .encode = kserve_v2::encode,
     .encode_error = kserve_v2::encode_error},
    {.name = "graphpipe",
     .decode = graphpipe::decode,
     .encode = graphpipe::encode,
     .encode_error = graphpipe::encode_error},
}};

}  // namespace

std::span<const Adapter> adapters() noexcept {
  return kAdapters;
}

const Adapter& kserve_v2_adapter() noexcept {
  return kAdapters[0];
}

const Adapter& graphpipe_adapter() noexcept {
  return kAdapters[1];
}

}  // namespace sluice::gateway
