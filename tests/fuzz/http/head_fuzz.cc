// The head scanner and parser: what they find does not depend on the cuts, and every view they give
// lies inside the head.

#include <functional>
#include <optional>

#include "gateway/net/http_head.h"
#include "tests/fuzz/http/cutter.h"

namespace sluice::gateway {
namespace {

void require_inside(std::string_view view, std::string_view bytes) {
  const bool inside = !std::less<>()(view.data(), bytes.data()) &&
                      !std::less<>()(bytes.data() + bytes.size(), view.data() + view.size());
  require(view.empty() || view == "/" || inside);
}

HttpOptions small_options() {
  HttpOptions options;
  options.head_bytes = 2048;
  options.request_line_bytes = 512;
  return options;
}

void check_head(std::string_view bytes, const HttpOptions& options) {
  RequestHead head;
  const std::optional<Refusal> refusal = parse_head(bytes, options, head);
  if (refusal) {
    require(refusal->status >= 400 && refusal->status < 600 && !refusal->error.detail.empty());
    return;
  }
  require(!head.method.empty() && (head.path.starts_with('/') || head.path == "*"));
  require_inside(head.method, bytes);
  require_inside(head.path, bytes);
  require_inside(head.query, bytes);
  require(head.headers.size() <= options.header_count);
  for (const HeaderField& field : head.headers) {
    require_inside(field.name, bytes);
    require_inside(field.value, bytes);
    require(!field.name.empty() && field.value.find_first_of("\r\n") == std::string_view::npos);
  }
  require(head.content_length <= options.body_bytes);
}

void run(std::uint8_t seed, std::string_view bytes) {
  static const HttpOptions options = small_options();
  HeadScanner whole(options);
  const HeadScanner::State state = whole.scan(bytes);

  HeadScanner cut(options);
  HeadScanner::State cut_state = HeadScanner::State::incomplete;
  Cutter cutter(seed);
  std::string_view rest = bytes;
  while (!rest.empty() && cut_state == HeadScanner::State::incomplete) {
    cutter.cut(rest);
    cut_state = cut.scan(bytes.substr(0, bytes.size() - rest.size()));
  }
  require(cut_state == state);
  if (state == HeadScanner::State::refused) {
    require(whole.refusal().status == cut.refusal().status);
    require(whole.refusal().error == cut.refusal().error);
  } else if (state == HeadScanner::State::complete) {
    require(whole.head_size() == cut.head_size() && whole.head_size() <= options.head_bytes);
    check_head(bytes.substr(0, whole.head_size()), options);
  }
}

}  // namespace
}  // namespace sluice::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) {
    sluice::gateway::run(data[0], sluice::gateway::text_of(data, size));
  }
  return 0;
}
