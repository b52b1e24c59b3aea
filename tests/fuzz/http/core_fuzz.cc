// A whole connection: bytes in any pieces, answers in any order, whole or streamed, a socket that
// takes some bytes at a time, and time that passes. Whatever happens, the requests are those that
// come out when all arrives at once, as far as they come, a streamed answer that ends the
// connection goes out as it was said, and nothing stays charged.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "gateway/net/http_core.h"
#include "tests/fuzz/http/cutter.h"

namespace sluice::gateway {
namespace {

HttpOptions small_options() {
  HttpOptions options;
  options.head_bytes = 2048;
  options.request_line_bytes = 512;
  options.body_bytes = 20'000;
  options.chunk_count = 50;
  options.buffered_bytes = 60'000;
  options.stream_backlog = 15'000;
  return options;
}

class Connection {
 public:
  explicit Connection(HttpShared& shared) : core_(shared, now_) {}

  // False: no longer read.
  bool receive(std::string_view piece) {
    while (!piece.empty()) {
      const std::span<std::byte> space = core_.read_space();
      if (space.empty()) {
        return false;
      }
      const std::size_t size = std::min(piece.size(), space.size());
      std::memcpy(space.data(), piece.data(), size);
      core_.on_read(size, now_);
      piece.remove_prefix(size);
      take_requests();
    }
    return true;
  }

  void end_input() {
    core_.on_end_of_input(now_);
    take_requests();
  }

  void answer_one(std::uint64_t choice) {
    if (waiting_.empty()) {
      return;
    }
    const auto chosen = waiting_.begin() + static_cast<std::ptrdiff_t>(choice % waiting_.size());
    ClientReply reply;
    reply.body.push_back(Buffer::from_string(std::string(choice % 9000, 'x')));
    require(core_.reply(*chosen, std::move(reply), now_));
    waiting_.erase(chosen);
    take_requests();
  }

  // Of one that is not HEAD, which has no end.
  void answer_one_bit_by_bit(std::uint64_t choice) {
    if (waiting_.empty()) {
      return;
    }
    const auto chosen = waiting_.begin() + static_cast<std::ptrdiff_t>(choice % waiting_.size());
    if (heads_.contains(*chosen)) {
      return;
    }
    ClientReply reply{.content_type = "text/event-stream"};
    reply.streams = true;
    require(core_.reply(*chosen, std::move(reply), now_));
    said_[*chosen];
    streams_.push_back(*chosen);
    waiting_.erase(chosen);
    take_requests();
  }

  void say_more(std::uint64_t choice) {
    if (streams_.empty()) {
      return;
    }
    const std::uint32_t sequence = streams_[choice % streams_.size()];
    const std::string event(choice % 5000, static_cast<char>('a' + choice % 26));
    require(core_.stream(sequence, event, now_));
    said_[sequence].push_back(event);
  }

  void end_one(std::uint64_t choice) {
    if (streams_.empty()) {
      return;
    }
    const auto chosen = streams_.begin() + static_cast<std::ptrdiff_t>(choice % streams_.size());
    require(core_.end_stream(*chosen, now_));
    require(!core_.stream(*chosen, "more", now_));
    streams_.erase(chosen);
  }

  void write(std::size_t room) {
    std::array<iovec, 4> pieces;
    const std::size_t count = core_.gather(pieces);
    require((count > 0) == core_.has_output());
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      require(pieces[i].iov_len > 0);
      size += pieces[i].iov_len;
    }
    size = std::min(size, room);
    note_written(std::span(pieces).first(count), size);
    if (size > 0) {
      core_.on_written(size, now_);
      take_requests();
    }
    if (core_.fate() == HttpCore::Fate::shut_write) {
      require(said_.empty() || went_out(said_.begin()->second));
      core_.abandon([](std::uint32_t /*sequence*/) {});
      waiting_.clear();
      streams_.clear();
      core_.on_write_shut(now_);
    }
  }

  void pass(std::chrono::milliseconds time) {
    now_ += time;
    if (now_ >= core_.deadline()) {
      core_.on_time(now_);
      take_requests();
    }
  }

  [[nodiscard]] bool ended() const { return core_.fate() == HttpCore::Fate::close; }

  std::vector<std::string> requests;

 private:
  void take_requests() {
    while (const HttpCore::Request* request = core_.next_request(now_)) {
      require(core_.waiting_count() <= limits::kPipelinedRequests);
      require(request->sequence == requests.size());
      std::string text(request->message.method);
      text += request->message.path;
      for (const HeaderField& field : request->message.headers) {
        text += field.name;
        text += field.value;
      }
      text += request->message.body.text();
      requests.push_back(text);
      if (request->message.method == "HEAD") {
        heads_.insert(request->sequence);
      }
      waiting_.push_back(request->sequence);
    }
  }

  // In chunks, or as it is to HTTP/1.0.
  [[nodiscard]] bool went_out(const std::vector<std::string>& events) const {
    std::string plain;
    std::string chunks;
    for (const std::string& event : events) {
      std::array<char, 32> size{};
      std::snprintf(size.data(), size.size(), "%zx\r\n", event.size());
      plain += event;
      chunks += event.empty() ? "" : size.data() + event + "\r\n";
    }
    return written_.ends_with("\r\n\r\n" + chunks + "0\r\n\r\n") ||
           written_.ends_with("\r\n\r\n" + plain);
  }

  void note_written(std::span<const iovec> pieces, std::size_t size) {
    for (const iovec& piece : pieces) {
      const std::size_t part = std::min(size, piece.iov_len);
      written_.append(static_cast<const char*>(piece.iov_base), part);
      size -= part;
    }
  }

  TimePoint now_{std::chrono::hours(1)};
  HttpCore core_;
  std::vector<std::uint32_t> waiting_;
  std::vector<std::uint32_t> streams_;  // that go on
  std::map<std::uint32_t, std::vector<std::string>>
      said_;  // of streamed answers; the first ends the connection
  std::set<std::uint32_t> heads_;
  std::string written_;
};

// What comes out when everything arrives at once and is answered at once.
std::vector<std::string> plain_requests(std::string_view bytes) {
  HttpShared shared(small_options());
  Connection connection(shared);
  while (!bytes.empty() && !connection.ended()) {
    const std::string_view piece = bytes.substr(0, 1000);
    bytes.remove_prefix(piece.size());
    if (!connection.receive(piece)) {
      break;
    }
    for (int i = 0; i < 100; ++i) {
      connection.answer_one(0);
      connection.write(SIZE_MAX);
    }
  }
  return connection.requests;
}

void run(std::uint8_t seed, std::string_view bytes) {
  const std::vector<std::string> plain = plain_requests(bytes);
  HttpShared shared(small_options());
  {
    Connection connection(shared);
    Cutter cutter(seed);
    bool open = true;
    for (int step = 0; step < 4000 && !connection.ended(); ++step) {
      const std::uint64_t what = cutter.next() % 24;
      if (what < 8 && open && !bytes.empty()) {
        open = connection.receive(cutter.cut(bytes));
      } else if (what < 11) {
        connection.answer_one(cutter.next());
      } else if (what < 15) {
        connection.write(cutter.next() % 4000);
      } else if (what < 17) {
        connection.answer_one_bit_by_bit(cutter.next());
      } else if (what < 21) {
        connection.say_more(cutter.next());
      } else if (what < 22) {
        connection.end_one(cutter.next());
      } else if (what < 23) {
        connection.write(cutter.next() % 4000);
      } else {
        connection.pass(std::chrono::milliseconds(cutter.next() % 300));
      }
      if (bytes.empty() && open && cutter.next() % 8 == 0) {
        connection.end_input();
        open = false;
      }
    }
    // A prefix: answers that came late may have filled the budget or run out of time.
    require(connection.requests.size() <= plain.size());
    require(std::equal(connection.requests.begin(), connection.requests.end(), plain.begin()));
  }
  require(shared.counters.buffered_bytes.value() == 0);
}

}  // namespace
}  // namespace sluice::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0 && size < 100'000) {
    sluice::gateway::run(data[0], sluice::gateway::text_of(data, size));
  }
  return 0;
}
