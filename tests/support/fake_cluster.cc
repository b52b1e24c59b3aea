#include "tests/support/fake_cluster.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::test {

namespace {

std::string with_head(int status, const std::string& body, const std::string& more = {}) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Word\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more + "\r\n" + body;
}

std::string between(const std::string& text, const std::string& open, const std::string& close) {
  const std::size_t at = text.find(open);
  if (at == std::string::npos) {
    return {};
  }
  const std::size_t begin = at + open.size();
  return text.substr(begin, text.find(close, begin) - begin);
}

std::string quoted(std::int64_t version) {
  return "\"" + std::to_string(version) + "\"";
}

}  // namespace

FakeCluster::FakeCluster(const FakeClusterOptions& options)
    : options_(options), served_(options.served), pinned_(options.pinned) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 1'024) != 0 ||
      ::getsockname(listener_, generic, &size) != 0 || ::pipe(stop_) != 0) {
    std::perror("fake cluster");
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

FakeCluster::~FakeCluster() {
  ::close(stop_[1]);
  thread_.join();
  for (const auto& [fd, client] : clients_) {
    ::close(fd);
  }
  ::close(stop_[0]);
  ::close(listener_);
}

std::string FakeCluster::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::vector<std::string> FakeCluster::orders() {
  while (locked_.exchange(true)) {
  }
  std::vector<std::string> copy = orders_;
  locked_ = false;
  return copy;
}

void FakeCluster::run() {
  while (true) {
    std::vector<pollfd> polled = {{.fd = stop_[0], .events = POLLIN, .revents = 0},
                                  {.fd = listener_, .events = POLLIN, .revents = 0}};
    for (const auto& [fd, client] : clients_) {
      polled.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    }
    static_cast<void>(::poll(polled.data(), polled.size(), -1));
    if (polled[0].revents != 0) {
      return;
    }
    if (polled[1].revents != 0) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const int on = 1;
      static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
      clients_[fd];
    }
    for (std::size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents != 0) {
        take_client(polled[i].fd, clients_[polled[i].fd]);
      }
    }
  }
}

void FakeCluster::take_client(int fd, Client& client) {
  char part[64 * 1024];
  const ssize_t count = ::recv(fd, part, sizeof part, 0);
  const auto leave = [&] {
    ::close(fd);
    clients_.erase(fd);
  };
  if (count <= 0) {
    leave();
    return;
  }
  client.received.append(part, static_cast<std::size_t>(count));
  const std::size_t end = client.received.find("\r\n\r\n");
  if (end == std::string::npos) {
    return;
  }
  const std::string head = client.received.substr(0, end + 4);

  const std::string own = between(head, "\r\nContent-Length: ", "\r\n");
  const std::size_t size = own.empty() ? 0 : std::stoul(own);
  if (client.received.size() < head.size() + size) {
    return;
  }
  const std::string body = client.received.substr(head.size(), size);
  client.received.erase(0, head.size() + size);
  const std::string bytes = answer(client, head, body);
  static_cast<void>(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  if (bytes.empty() || head.find("Connection: close") != std::string::npos ||
      bytes.find("Connection: close") != std::string::npos) {
    leave();
  }
}

std::string FakeCluster::answer(Client& client, const std::string& head, const std::string& body) {
  if (head.starts_with("POST /v2/models/m/infer ")) {
    return infer(client, head, body);
  }
  if (head.starts_with("GET /v2/models/m ")) {
    return with_head(200,
                     R"({"name":"m","versions":["1"],"platform":"p",)"
                     R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],)"
                     R"("outputs":[{"name":"y","datatype":"FP32","shape":[-1,4]}]})");
  }
  if (head.starts_with("GET /sluice/models ")) {
    return with_head(200, models_json());
  }
  if (head.starts_with("GET /sluice/status ")) {
    return with_head(200, R"({"workers":[]})");
  }
  if (head.starts_with("POST /sluice/models/m/rollout ")) {
    return order(body);
  }
  if (head.starts_with("GET /sluice/models/m/rollout ")) {
    return with_head(200, look_at_rollout());
  }
  return with_head(404, R"({"error":"no such path"})");
}

std::string FakeCluster::infer(Client& client, const std::string&, const std::string& body) {
  const bool odd = ++answered_ % 100 == 0;
  if (answered_ == options_.rolls_by_itself_at) {
    begin(options_.versions.front(), options_.by);
  }
  const bool rolling = phase_ == "starting" || phase_ == "switching";
  if (const int slow = options_.slow_us + (rolling ? options_.slow_while_rolling_us : 0);
      slow > 0) {
    std::this_thread::sleep_for(std::chrono::microseconds(slow));
  }
  if (odd && options_.drop) {
    return {};
  }
  if (odd && options_.fail) {
    return with_head(503, R"({"error":"busy"})");
  }
  std::int64_t version = served_;
  if (odd && ((options_.wrong_after_switch && phase_ == "done") ||
              (options_.early_new && phase_ == "starting"))) {
    version = phase_ == "done" ? from_ : to_;
  }
  const std::string own_id = between(body, "{\"id\":\"", "\"");
  const std::string id = odd && options_.other_id ? client.id_before : own_id;
  client.id_before = own_id;
  const std::string json = R"({"id":")" + id + R"(","model_name":"m","model_version":)" +
                           quoted(version) + R"(,"outputs":[]})";
  std::string bytes = with_head(200,
                                json,
                                "Sluice-Model: m/" + std::to_string(version) + "\r\n" +
                                    (odd && options_.close_often ? "Connection: close\r\n" : ""));
  return odd && options_.duplicate ? bytes + bytes : bytes;
}

std::string FakeCluster::order(const std::string& body) {
  while (locked_.exchange(true)) {
  }
  orders_.push_back(body);
  locked_ = false;
  if (options_.refuse_rollout) {
    return with_head(409, R"({"error":"a rollout of m is under way"})");
  }
  const std::string to = between(body, "\"to\":", "}");
  if (to == "\"policy\"") {
    pinned_ = false;
  } else {
    pinned_ = true;
    begin(std::stoll(to), "operator");
  }
  return with_head(200, rollout_json());
}

void FakeCluster::begin(std::int64_t to, const std::string& by) {
  from_ = served_;
  to_ = to;
  by_ = by;
  phase_ = "starting";
  looks_ = 0;
  ++id_;
}

std::string FakeCluster::look_at_rollout() {
  if (phase_ == "starting" && ++looks_ > options_.looks_before) {
    if (options_.forgets) {
      phase_ = "none";
      pinned_ = false;
    } else {
      phase_ = options_.roll_back ? "rolled_back" : "switching";
      served_ = options_.roll_back ? from_ : to_;
    }
  } else if (phase_ == "switching") {
    phase_ = "done";
  }
  return rollout_json();
}

std::string FakeCluster::rollout_json() const {
  if (phase_ == "none") {
    return R"({"model":"m","phase":"none"})";
  }
  return R"({"phase":")" + phase_ + R"(","id":)" + std::to_string(id_) + R"(,"by":")" + by_ +
         R"(","to":[)" + quoted(to_) + R"(],"from":[)" + quoted(from_) + R"(],"reason":")" +
         (phase_ == "rolled_back" ? "no luck" : "") + R"("})";
}

std::string FakeCluster::models_json() const {
  std::string versions;
  for (const std::int64_t version : options_.versions) {
    versions += (versions.empty() ? "" : ",") + std::string(R"({"version":)") + quoted(version) +
                R"(,"state":")" + (version == served_ ? "ready" : "known") + R"(","weight":)" +
                (version == served_ ? "100" : "0") + "}";
  }
  return R"({"models":[{"name":"m","pin":)" +
         (pinned_ ? "[" + quoted(served_) + "]" : std::string("null")) + R"(,"versions":[)" +
         versions + R"(],"rollout":)" + rollout_json() + "}]}";
}

}  // namespace sluice::test
