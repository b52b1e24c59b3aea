// Every control message: the first byte chooses which, the rest is its map. What is accepted
// survives encode and decode.

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/link/control_messages.h"
#include "common/link/repository_messages.h"

namespace {

// NOLINTNEXTLINE(google-build-using-namespace): one file
using namespace sluice::link;

template <class Message>
void check(const Body& body, sluice::Result<Message> (*decode)(const Body&)) {
  const auto message = decode(body);
  if (message) {
    const Body bytes = encode(*message).body;
    if (bytes.front().size() > sluice::limits::kControlMessageBytes) {
      return;  // the defaults that were left out have taken it over a limit
    }
    const auto again = decode(bytes);
    SLUICE_CHECK(again && *again == *message);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const auto bytes = std::as_bytes(std::span(data, size));
  const Body body{sluice::Buffer::copy_of(bytes.subspan(1))};
  switch (data[0] % 12) {
    case 0:
      check(body, decode_hello);
      break;
    case 1:
      check(body, decode_welcome);
      break;
    case 2:
      check(body, decode_heartbeat);
      break;
    case 3:
      check(body, decode_state_change);
      break;
    case 4:
      check(body, decode_drain);
      break;
    case 5:
      check(body, decode_bye);
      break;
    case 6:
      check(body, decode_node_hello);
      break;
    case 7:
      check(body, decode_node_report);
      break;
    case 8:
      check(body, decode_worker_died);
      break;
    case 9:
      check(body, decode_repository);
      break;
    case 10:
      check(body, decode_look);
      break;
    default:
      check(body, decode_assignment);
  }
  return 0;
}
