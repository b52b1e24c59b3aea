#include "common/link/socket_spec.h"

#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/base/check.h"

namespace sluice::link {
namespace {

constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kTcp = "tcp://";
constexpr int kReconnectFirstMs = 20;  // on a host the other end is back soon
constexpr int kReconnectLastMs = 250;
constexpr int kBacklog = 1'024;
constexpr std::size_t kIdentityBytes = 255;  // libzmq's

Error invalid(const std::string& endpoint, std::string_view what) {
  return {ErrorCode::invalid_argument, "endpoint '" + endpoint + "' " + std::string(what)};
}

Result<void> check_endpoint(const std::string& endpoint) {
  if (endpoint.starts_with(kIpc)) {
    const std::size_t size = endpoint.size() - kIpc.size();
    if (size == 0) {
      return invalid(endpoint, "has no path");
    }
    if (size > limits::kIpcPathBytes) {
      return invalid(endpoint,
                     "has a path of " + std::to_string(size) + " bytes, at most " +
                         std::to_string(limits::kIpcPathBytes) +
                         " fit: choose a shorter run "
                         "directory");
    }
    return {};
  }
  const std::size_t colon = endpoint.rfind(':');
  if (!endpoint.starts_with(kTcp) || colon <= kTcp.size()) {
    return invalid(endpoint, "is neither ipc:///path nor tcp://host:port");
  }
  // libzmq takes any number and cuts it to 16 bits.
  const std::string_view port = std::string_view(endpoint).substr(colon + 1);
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool digits = failure == std::errc() && end == port.data() + port.size();
  if (port != "*" && (!digits || number > 65'535)) {
    return invalid(endpoint, "has a port that is not a number up to 65535");
  }
  return {};
}

const std::string& endpoint_of(const SocketSpec& spec) {
  return spec.bind.empty() ? spec.connect : spec.bind;
}

// Only "tcp://[...]:port" wants IPv6: a bound IPv4 address would be reported as a mapped one.
void set_tcp_options(zmq::socket_t& socket, const std::string& endpoint) {
  socket.set(zmq::sockopt::ipv6, endpoint.find('[') != std::string::npos);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
}

void set_options(zmq::socket_t& socket, const SocketSpec& spec) {
  socket.set(zmq::sockopt::linger, static_cast<int>(spec.linger.count()));
  socket.set(zmq::sockopt::sndhwm, spec.high_water_mark);
  socket.set(zmq::sockopt::rcvhwm, spec.high_water_mark);
  socket.set(zmq::sockopt::maxmsgsize, spec.frame_bytes_max);
  socket.set(zmq::sockopt::backlog, kBacklog);
  if (spec.type == SocketType::router) {
    socket.set(zmq::sockopt::router_mandatory, true);
  } else {
    socket.set(zmq::sockopt::reconnect_ivl, kReconnectFirstMs);
    socket.set(zmq::sockopt::reconnect_ivl_max, kReconnectLastMs);
    if (!spec.identity.empty()) {
      socket.set(zmq::sockopt::routing_id, spec.identity);
    }
  }
  if (spec.bind.starts_with(kTcp) || spec.connect.starts_with(kTcp)) {
    set_tcp_options(socket, endpoint_of(spec));
  }
}

Error refusal(const std::string& endpoint, std::string_view what, const zmq::error_t& error) {
  if (error.num() == EINVAL || error.num() == EPROTONOSUPPORT) {
    return invalid(endpoint, std::string("is not usable: ") + error.what());
  }
  return {ErrorCode::unavailable,
          "cannot " + std::string(what) + " '" + endpoint + "': " + error.what()};
}

}  // namespace

Result<zmq::socket_t> open_socket(zmq::context_t& context, const SocketSpec& spec) {
  SLUICE_CHECK(spec.bind.empty() != spec.connect.empty());
  SLUICE_CHECK(spec.identity.size() <= kIdentityBytes);
  const std::string& endpoint = endpoint_of(spec);
  SLUICE_TRY(check_endpoint(endpoint));
  try {
    zmq::socket_t socket(
        context,
        spec.type == SocketType::router ? zmq::socket_type::router : zmq::socket_type::dealer);
    set_options(socket, spec);
    if (spec.bind.empty()) {
      socket.connect(spec.connect);
    } else {
      socket.bind(spec.bind);
    }
    return socket;
  } catch (const zmq::error_t& error) {
    return refusal(endpoint, spec.bind.empty() ? "connect to" : "bind", error);
  }
}

Result<void> bind_also(zmq::socket_t& socket, const std::string& endpoint) {
  SLUICE_TRY(check_endpoint(endpoint));
  try {
    if (endpoint.starts_with(kTcp)) {
      set_tcp_options(socket, endpoint);
    }
    socket.bind(endpoint);
    return {};
  } catch (const zmq::error_t& error) {
    return refusal(endpoint, "bind", error);
  }
}

std::string bound_endpoint(const zmq::socket_t& socket) {
  return socket.get(zmq::sockopt::last_endpoint);
}

}  // namespace sluice::link
