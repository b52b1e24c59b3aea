#include "gateway/net/http_listener.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "gateway/net/http_connection.h"
#include "gateway/net/http_core.h"
#include "gateway/net/http_date.h"

namespace sluice::gateway {

namespace {

using namespace std::chrono_literals;

// One wake-up of a listening socket takes this many; the connections they bring get their turn.
constexpr int kAcceptsPerTurn = 64;
// Until accepting is tried again after the process ran out of descriptors or memory.
constexpr auto kAcceptRetry = 100ms;
// Connections over the limit that may be open to be told so; past them, accepting is closing.
constexpr std::size_t kRefusedAtOnce = 256;

// A deadline is noticed this much late at most: a share of the shortest one.
Duration tick_of(const HttpOptions& options) {
  const Duration shortest = std::min({options.head_time,
                                      options.body_stall,
                                      options.write_stall,
                                      options.idle_time,
                                      options.linger_time});
  return std::clamp<Duration>(shortest / 8, 2ms, 125ms);
}

}  // namespace

class HttpListener::Impl final : public ConnectionOwner {
 public:
  Impl(IoLoop& loop, RequestHandler& handler, const HttpOptions& options)
      : loop_(loop),
        handler_(handler),
        shared_(new HttpShared(options)),
        tick_every_(tick_of(options)),
        tick_(loop, callback_of<&Impl::on_tick>(*this)),
        accept_retry_(loop, callback_of<&Impl::on_accept_retry>(*this)),
        successor_due_(loop, callback_of<&Impl::on_successor_due>(*this)),
        flush_(loop, callback_of<&Impl::on_flush>(*this)),
        drained_(loop, callback_of<&Impl::on_drained>(*this)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() override {
    for (Entry& entry : table_) {
      if (entry.connection) {
        entry.connection->orphan();
      }
    }
  }

  void listen(UniqueFd fd, std::uint32_t port_tag);
  void reply(RequestHandle handle, ClientReply reply);
  void stream(RequestHandle handle, std::string_view bytes);
  void end_stream(RequestHandle handle);
  void flush(TimePoint now);
  void stop_accepting() { acceptors_.clear(); }
  [[nodiscard]] TimePoint loop_now() const { return loop_.now(); }
  void drain(TimePoint limit);
  void hand_over(TimePoint successor_from, TimePoint limit);

  [[nodiscard]] std::size_t open_connections() const noexcept { return open_; }
  [[nodiscard]] std::size_t pending_requests() const noexcept { return pending_; }
  [[nodiscard]] const HttpCounters& counters() const noexcept { return shared_->counters; }

  // ConnectionOwner
  const LocalRef<HttpShared>& shared() noexcept override { return shared_; }
  void on_request(RequestHandle handle,
                  const ClientMessage& message,
                  const RequestFacts& facts) override;
  void on_reply_started(RequestHandle handle, TimePoint now) override {
    handler_.on_reply_started(handle, now);
  }
  void on_closed(HttpConnection& connection) override;
  void on_abandoned(RequestHandle handle) override;

 private:
  struct Entry {
    LocalRef<HttpConnection> connection;
    std::uint32_t generation = 1;
  };

  // A listening socket and its watch, which is absent while accepting is paused.
  struct Acceptor {
    Acceptor(Impl& impl, UniqueFd listening, std::uint32_t tag)
        : owner(impl), fd(std::move(listening)), port_tag(tag) {
      watch.emplace(owner.loop_, fd.get(), callback_of<&Acceptor::on_ready>(*this));
    }
    void on_ready(TimePoint now) { owner.accept_from(*this, now); }

    Impl& owner;
    UniqueFd fd;
    std::uint32_t port_tag;
    std::optional<FdWatch> watch;
  };

  void accept_from(Acceptor& acceptor, TimePoint now);
  void add_connection(UniqueFd fd,
                      std::uint32_t port_tag,
                      const SocketAddress& peer,
                      TimePoint now);
  void on_tick(TimePoint now);
  void on_accept_retry(TimePoint now);
  void on_flush(TimePoint now) { flush(now); }
  void on_drained(TimePoint now);
  void on_successor_due(TimePoint /*now*/) { drain(hand_over_limit_); }
  void renew_date();
  // Null for a stale handle.
  [[nodiscard]] const LocalRef<HttpConnection>* find(RequestHandle handle) const;
  void settle_soon(const LocalRef<HttpConnection>& connection);

  IoLoop& loop_;
  RequestHandler& handler_;
  LocalRef<HttpShared> shared_;  // connections that still have a wait under way hold it too
  Duration tick_every_;
  std::vector<Entry> table_;
  std::vector<std::uint32_t> free_;  // indices of table_
  std::vector<LocalRef<HttpConnection>> dirty_;
  std::vector<LocalRef<HttpConnection>> flushing_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::size_t open_ = 0;
  std::size_t pending_ = 0;
  std::time_t date_seconds_ = 0;
  std::optional<TimePoint> drain_limit_;
  TimePoint hand_over_limit_;
  LoopTimer tick_;
  LoopTimer accept_retry_;
  LoopTimer successor_due_;
  LoopPost flush_;
  LoopPost drained_;
};

void HttpListener::Impl::listen(UniqueFd fd, std::uint32_t port_tag) {
  acceptors_.push_back(std::make_unique<Acceptor>(*this, std::move(fd), port_tag));
}

void HttpListener::Impl::accept_from(Acceptor& acceptor, TimePoint now) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    void* bytes = &storage;
    UniqueFd fd(::accept4(
        acceptor.fd.get(), static_cast<sockaddr*>(bytes), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      add_connection(std::move(fd), acceptor.port_tag, SocketAddress(storage, size), now);
      continue;
    }
    if (errno == EAGAIN) {
      return;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The connections wait in the kernel; asking again at once would spin.
      shared_->counters.accept_failures.add();
      acceptor.watch.reset();
      accept_retry_.at(now + kAcceptRetry);
      return;
    }
    // Anything else is the failure of that one connection (accept(2)): the next may be fine.
  }
}

void HttpListener::Impl::on_accept_retry(TimePoint /*now*/) {
  for (const auto& acceptor : acceptors_) {
    if (!acceptor->watch) {
      acceptor->watch.emplace(
          loop_, acceptor->fd.get(), callback_of<&Acceptor::on_ready>(*acceptor));
    }
  }
}

void HttpListener::Impl::add_connection(UniqueFd fd,
                                        std::uint32_t port_tag,
                                        const SocketAddress& peer,
                                        TimePoint now) {
  shared_->counters.accepted.add();
  const bool over = open_ >= shared_->options.connections;
  if (open_ >= shared_->options.connections + kRefusedAtOnce) {
    shared_->counters.refuse(HttpRefusal::too_many_connections);
    shared_->counters.closed.add();
    return;
  }
  if (open_++ == 0) {
    renew_date();
    tick_.at(now + tick_every_);
  }
  shared_->counters.active.add();
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(table_.size()));
    table_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  const LocalRef<HttpConnection> connection(
      new HttpConnection(*this,
                         loop_,
                         std::move(fd),
                         {.index = index,
                          .generation = table_[index].generation,
                          .port_tag = port_tag,
                          .peer = peer}));
  table_[index].connection = connection;
  if (over) {
    connection->start_refused(now);
  } else {
    connection->start(now);
  }
}

void HttpListener::Impl::on_request(RequestHandle handle,
                                    const ClientMessage& message,
                                    const RequestFacts& facts) {
  ++pending_;
  handler_.on_request(handle, message, facts);
}

void HttpListener::Impl::on_abandoned(RequestHandle handle) {
  --pending_;
  shared_->counters.abandoned.add();
  handler_.on_abandoned(handle);
}

void HttpListener::Impl::on_closed(HttpConnection& connection) {
  const std::uint32_t index = connection.identity().index;
  Entry& entry = table_[index];
  // 0 names nothing.
  entry.generation = std::max<std::uint32_t>(1, entry.generation + 1);
  entry.connection = LocalRef<HttpConnection>();
  free_.push_back(index);
  --open_;
  shared_->counters.active.subtract();
  shared_->counters.closed.add();
  if (drain_limit_ && open_ == 0) {
    drained_.post();
  }
}

const LocalRef<HttpConnection>* HttpListener::Impl::find(RequestHandle handle) const {
  const bool known = handle.connection < table_.size() &&
                     table_[handle.connection].generation == handle.generation &&
                     table_[handle.connection].connection;
  return known ? &table_[handle.connection].connection : nullptr;
}

void HttpListener::Impl::reply(RequestHandle handle, ClientReply reply) {
  const LocalRef<HttpConnection>* connection = find(handle);
  const bool streams = reply.streams;
  if (connection == nullptr ||
      !(*connection)->reply(handle.sequence, std::move(reply), loop_.now())) {
    shared_->counters.stale_replies.add();
    return;
  }
  pending_ -= streams ? 0 : 1;
  settle_soon(*connection);
}

void HttpListener::Impl::stream(RequestHandle handle, std::string_view bytes) {
  const LocalRef<HttpConnection>* connection = find(handle);
  if (connection != nullptr && (*connection)->stream(handle.sequence, bytes, loop_.now())) {
    settle_soon(*connection);
  }
}

void HttpListener::Impl::end_stream(RequestHandle handle) {
  const LocalRef<HttpConnection>* connection = find(handle);
  if (connection != nullptr && (*connection)->end_stream(handle.sequence, loop_.now())) {
    --pending_;
    settle_soon(*connection);
  }
}

void HttpListener::Impl::settle_soon(const LocalRef<HttpConnection>& connection) {
  if (!connection->settling() && !std::exchange(connection->dirty, true)) {
    dirty_.push_back(connection);
    flush_.post();
  }
}

void HttpListener::Impl::flush(TimePoint now) {
  if (!flushing_.empty()) {
    return;  // called by a handler from within a flush: the post that reply() made comes later
  }
  flushing_.swap(dirty_);
  for (const LocalRef<HttpConnection>& connection : flushing_) {
    connection->dirty = false;
    connection->settle(now);
  }
  flushing_.clear();
}

void HttpListener::Impl::drain(TimePoint limit) {
  successor_due_.cancel();
  stop_accepting();
  shared_->draining = true;
  drain_limit_ = limit;
  if (open_ == 0) {
    drained_.post();
  }
}

void HttpListener::Impl::hand_over(TimePoint successor_from, TimePoint limit) {
  shared_->draining = true;
  shared_->options.idle_time = std::min(shared_->options.idle_time, successor_from - loop_.now());
  hand_over_limit_ = limit;
  successor_due_.at(successor_from);
}

void HttpListener::Impl::on_drained(TimePoint /*now*/) {
  if (open_ == 0) {
    handler_.on_drained();
  }
}

void HttpListener::Impl::on_tick(TimePoint now) {
  renew_date();
  const bool end = drain_limit_ && now >= *drain_limit_;
  // By index: handlers may close connections, and the table may grow.
  for (std::size_t i = 0; i < table_.size(); ++i) {
    const LocalRef<HttpConnection> connection = table_[i].connection;
    if (connection && end) {
      connection->abort(now);
    } else if (connection) {
      connection->on_tick(now);
    }
  }
  if (open_ > 0) {
    tick_.at(now + tick_every_);
  }
}

void HttpListener::Impl::renew_date() {
  const std::time_t seconds = std::time(nullptr);
  if (seconds != date_seconds_) {
    date_seconds_ = seconds;
    shared_->date = http_date(seconds);
  }
}

HttpListener::HttpListener(IoLoop& loop, RequestHandler& handler, HttpOptions options)
    : impl_(std::make_unique<Impl>(loop, handler, options)) {}

HttpListener::~HttpListener() = default;

void HttpListener::listen(UniqueFd fd, std::uint32_t port_tag) {
  impl_->listen(std::move(fd), port_tag);
}

void HttpListener::reply(RequestHandle handle, ClientReply reply) {
  impl_->reply(handle, std::move(reply));
}

void HttpListener::stream(RequestHandle handle, std::string_view bytes) {
  impl_->stream(handle, bytes);
}

void HttpListener::end_stream(RequestHandle handle) {
  impl_->end_stream(handle);
}

void HttpListener::flush() {
  impl_->flush(impl_->loop_now());
}

void HttpListener::stop_accepting() {
  impl_->stop_accepting();
}

void HttpListener::drain(TimePoint limit) {
  impl_->drain(limit);
}

void HttpListener::hand_over(TimePoint successor_from, TimePoint limit) {
  impl_->hand_over(successor_from, limit);
}

std::size_t HttpListener::open_connections() const noexcept {
  return impl_->open_connections();
}

std::size_t HttpListener::pending_requests() const noexcept {
  return impl_->pending_requests();
}

const HttpCounters& HttpListener::counters() const noexcept {
  return impl_->counters();
}

}  // namespace sluice::gateway
