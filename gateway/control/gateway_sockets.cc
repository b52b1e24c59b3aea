#include "gateway/control/gateway_sockets.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/link/socket_spec.h"
#include "gateway/net/bind.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

// What a closing ROUTER may still write: a last answer or bye to a peer that is slow to read.
constexpr auto kLinger = 200ms;

// A gateway whose parent was killed ends by itself, but the next parent's may be there before that.
constexpr auto kPredecessor = 2s;
constexpr std::chrono::duration<int, std::milli> kTurn = 10ms;

// libzmq steals an ipc path from whoever is bound to it without a word; the lock keeps it ours.
Result<UniqueFd> lock_run_dir(const std::string& run_dir) {
  if (mkdir(run_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{ErrorCode::unavailable, "cannot make the run directory " + run_dir};
  }
  const std::string path = run_dir + "/gateway.lock";
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) {
    return Error{ErrorCode::unavailable, "cannot open " + path};
  }
  for (auto waited = 0ms; flock(lock.get(), LOCK_EX | LOCK_NB) != 0; waited += kTurn) {
    if (waited >= kPredecessor) {
      return Error{ErrorCode::unavailable, "another gateway runs in " + run_dir};
    }
    static_cast<void>(poll(nullptr, 0, kTurn.count()));
  }
  return lock;
}

Result<std::vector<UniqueFd>> listeners(const std::vector<int>& inherited,
                                        const std::string& address,
                                        int shards,
                                        std::string* bound) {
  if (inherited.empty()) {
    SLUICE_TRY_ASSIGN(const SocketAddress wanted, parse_address(address));
    SLUICE_TRY_ASSIGN(BoundListeners made,
                      bind_listeners(wanted, static_cast<std::size_t>(shards)));
    *bound = made.address.text();
    return std::move(made.fds);
  }
  if (static_cast<int>(inherited.size()) != shards) {
    return Error{ErrorCode::invalid_argument,
                 "got " + std::to_string(inherited.size()) + " listening descriptors for " +
                     std::to_string(shards) + " shards"};
  }
  std::vector<UniqueFd> adopted;
  for (const int fd : inherited) {
    SLUICE_TRY_ASSIGN(UniqueFd one, adopt_listener(fd));
    adopted.push_back(std::move(one));
  }
  SLUICE_TRY_ASSIGN(const SocketAddress local, local_address_of(adopted.front().get()));
  *bound = local.text();
  return adopted;
}

// "tcp://HOST:PORT" with PORT + offset.
Result<std::string> tcp_endpoint(const std::string& address, int offset) {
  const std::size_t colon = address.rfind(':');
  int port = 0;
  const char* end = address.data() + address.size();
  const bool shaped = address.starts_with("tcp://") && colon > 5;
  const auto parsed = shaped ? std::from_chars(address.data() + colon + 1, end, port)
                             : std::from_chars_result{nullptr, std::errc::invalid_argument};
  if (parsed.ec != std::errc() || parsed.ptr != end || port < 1 || port + offset > 65'535) {
    return Error{ErrorCode::invalid_argument,
                 "link address '" + address + "' is not of the form tcp://ADDRESS:PORT"};
  }
  return address.substr(0, colon + 1) + std::to_string(port + offset);
}

// One ROUTER on ipc and, when asked for, on tcp as well.
Result<zmq::socket_t> open_router(zmq::context_t& context,
                                  const std::string& ipc,
                                  const std::string& tcp) {
  link::SocketSpec spec;
  spec.type = link::SocketType::router;
  spec.bind = ipc;
  spec.linger = kLinger;
  SLUICE_TRY_ASSIGN(zmq::socket_t router, link::open_socket(context, spec));
  if (!tcp.empty()) {
    SLUICE_TRY(link::bind_also(router, tcp));
  }
  return router;
}

Result<void> open_routers(const GatewayOptions& options,
                          zmq::context_t& context,
                          GatewaySockets& sockets) {
  const auto tcp = [&](int offset) -> Result<std::string> {
    return options.link_address.empty() ? Result<std::string>(std::string())
                                        : tcp_endpoint(options.link_address, offset);
  };
  const std::string base = "ipc://" + options.run_dir + "/";
  SLUICE_TRY_ASSIGN(const std::string control_tcp, tcp(0));
  SLUICE_TRY_ASSIGN(sockets.control, open_router(context, base + "control.sock", control_tcp));
  for (int shard = 0; shard < options.shards; ++shard) {
    const std::string ipc = base + "shard-" + std::to_string(shard) + ".sock";
    SLUICE_TRY_ASSIGN(const std::string shard_tcp, tcp(1 + shard));
    SLUICE_TRY_ASSIGN(zmq::socket_t router, open_router(context, ipc, shard_tcp));
    sockets.routers.push_back(std::move(router));
    sockets.shard_endpoints.push_back(ipc);
    if (!shard_tcp.empty()) {
      sockets.shard_endpoints.push_back(shard_tcp);
    }
  }
  return {};
}

}  // namespace

Result<GatewaySockets> open_gateway_sockets(const GatewayOptions& options,
                                            zmq::context_t& context) {
  GatewaySockets sockets;
  SLUICE_TRY_ASSIGN(sockets.lock, lock_run_dir(options.run_dir));
  SLUICE_TRY_ASSIGN(
      sockets.http,
      listeners(
          options.http_descriptors, options.http_address, options.shards, &sockets.http_address));
  std::string ignored;
  if (!options.graphpipe_model.empty()) {
    SLUICE_TRY_ASSIGN(
        sockets.graphpipe,
        listeners(
            options.graphpipe_descriptors, options.graphpipe_address, options.shards, &ignored));
  }
  if (options.metrics_descriptor || !options.metrics_address.empty()) {
    const std::vector<int> inherited =
        options.metrics_descriptor ? std::vector{*options.metrics_descriptor} : std::vector<int>{};
    SLUICE_TRY_ASSIGN(std::vector<UniqueFd> one,
                      listeners(inherited, options.metrics_address, 1, &ignored));
    sockets.metrics = std::move(one.front());
  }
  SLUICE_TRY(open_routers(options, context, sockets));
  return sockets;
}

}  // namespace sluice::gateway
