#include "worker/serve/endpoint_choice.h"

#include <algorithm>
#include <string_view>

namespace sluice::worker {
namespace {

constexpr std::string_view kTcp = "tcp://";

std::string_view scheme_of(std::string_view endpoint) {
  return endpoint.substr(0, endpoint.find("://"));
}

// Of "tcp://HOST:PORT".
std::string_view host_of(std::string_view endpoint) {
  return endpoint.substr(kTcp.size(), endpoint.rfind(':') - kTcp.size());
}

}  // namespace

std::vector<std::string> choose_endpoints(const std::string& control,
                                          const std::vector<std::string>& offered) {
  std::vector<std::string> chosen;
  for (const std::string& endpoint : offered) {
    if (scheme_of(endpoint) != scheme_of(control)) {
      continue;
    }
    std::string dialled = endpoint;
    if (endpoint.starts_with(kTcp)) {
      const std::string_view host = host_of(endpoint);
      if (host == "0.0.0.0" || host == "*" || host == "[::]") {
        dialled = std::string(kTcp) + std::string(host_of(control)) +
                  endpoint.substr(endpoint.rfind(':'));
      }
    }
    if (std::ranges::find(chosen, dialled) == chosen.end()) {
      chosen.push_back(std::move(dialled));
    }
  }
  return chosen;
}

}  // namespace sluice::worker
