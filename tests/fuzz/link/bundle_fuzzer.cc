// Whatever a bundle says, only bytes of its frame are handed out, and messages that are accepted
// fit a bundle again as they came.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/link/bundle.h"

namespace {

// NOLINTNEXTLINE(google-build-using-namespace): one file
using namespace sluice::link;

void check_again(const Message& message) {
  Bundle again;
  if (!again.add(message.header, message.body)) {
    return;  // frames packed closer than a bundle of ours may need more room
  }
  BundleReader reader(sluice::Buffer::copy_of(again.bytes()));
  const auto copy = reader.next();
  SLUICE_CHECK(copy && *copy && (*copy)->header == message.header);
  SLUICE_CHECK((*copy)->body.size() == message.body.size());
  for (std::size_t i = 0; i < message.body.size(); ++i) {
    SLUICE_CHECK((*copy)->body[i].text() == message.body[i].text());
  }
  SLUICE_CHECK(!reader.next());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  RawMessage raw;
  raw.frames.push_back(sluice::Buffer::copy_of(std::as_bytes(std::span(data, size))));
  std::size_t errors = 0;
  for_each_message(std::move(raw), [&](const sluice::Result<Message>& message) {
    SLUICE_CHECK(errors == 0);  // nothing follows an error
    if (message) {
      check_again(*message);
    } else {
      ++errors;
    }
  });
  return 0;
}
