// CoreDriver: an HttpCore with a pretended client, socket and clock.

#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/net/http_core.h"

namespace sluice::gateway {

class CoreDriver {
 public:
  explicit CoreDriver(const HttpOptions& options = {}) : shared(options), core(shared, now) {}

  // The client sends these bytes; they arrive in pieces of at most `piece` bytes. False: some were
  // not read.
  bool send(std::string_view bytes, std::size_t piece = SIZE_MAX) {
    while (!bytes.empty()) {
      const std::span<std::byte> space = core.read_space();
      if (space.empty()) {
        return false;
      }
      const std::size_t size = std::min({bytes.size(), space.size(), piece});
      std::memcpy(space.data(), bytes.data(), size);
      core.on_read(size, now);
      bytes.remove_prefix(size);
      settle();
    }
    return true;
  }

  void end_input() {
    core.on_end_of_input(now);
    settle();
  }

  // Takes requests and writes answers until nothing more happens, at most `room` bytes of output.
  void settle() {
    do {
      while (const HttpCore::Request* request = core.next_request(now)) {
        take(*request);
      }
    } while (write());
    if (core.fate() == HttpCore::Fate::shut_write) {
      core.on_write_shut(now);
      write_shut = true;
    }
  }

  void wait(Duration time) {
    now += time;
    if (now >= core.deadline()) {
      core.on_time(now);
    }
    settle();
  }

  void answer(std::uint32_t sequence, std::string body, bool close = false) {
    ClientReply reply;
    reply.close = close;
    reply.body.push_back(Buffer::from_string(std::move(body)));
    replied = core.reply(sequence, std::move(reply), now);
    settle();
  }

  [[nodiscard]] bool closed() const { return core.fate() == HttpCore::Fate::close; }
  // The statuses of what was written, interim ones included.
  [[nodiscard]] std::vector<int> statuses() const {
    std::vector<int> found;
    for (std::size_t at = output.find("HTTP/1.1 "); at != std::string::npos;
         at = output.find("HTTP/1.1 ", at + 1)) {
      const std::string digits = output.substr(at + 9, 3);
      if (digits.find_first_not_of("0123456789") == std::string::npos) {  // not in a sentence
        found.push_back(std::stoi(digits));
      }
    }
    return found;
  }

  TimePoint now{std::chrono::hours(1)};
  HttpShared shared;
  HttpCore core;
  std::size_t room = SIZE_MAX;        // bytes the socket takes before it is full
  bool echo = false;                  // answer each request at once with its body
  std::string output;                 // all that was written
  std::vector<std::string> requests;  // "METHOD path?query [name=value ...] body"
  std::vector<std::uint32_t> sequences;
  bool write_shut = false;
  bool replied = false;

 private:
  void take(const HttpCore::Request& request) {
    const ClientMessage& message = request.message;
    std::string text = std::string(message.method) + " " + std::string(message.path) + "?" +
                       std::string(message.query);
    text += " [";
    for (const HeaderField& field : message.headers) {
      text += std::string(field.name) + "=" + std::string(field.value) + ";";
    }
    text += "] " + std::string(message.body.text());
    requests.push_back(text);
    sequences.push_back(request.sequence);
    if (echo) {
      ClientReply reply;
      reply.body.push_back(message.body);
      core.reply(request.sequence, std::move(reply), now);
    }
  }

  bool write() {
    std::array<iovec, 8> pieces;
    const std::size_t count = core.gather(pieces);
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) {
      bytes.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
    }
    bytes.resize(std::min(bytes.size(), room));
    if (bytes.empty()) {
      return false;
    }
    room -= bytes.size();
    output += bytes;
    core.on_written(bytes.size(), now);
    return true;
  }
};

}  // namespace sluice::gateway
