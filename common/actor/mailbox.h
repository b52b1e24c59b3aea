// Mailbox and Link: the only door between threads of one process.
//
// A Mailbox is the receiving end, bound and owned by one loop; a Link is one sending edge,
// connected, move-only, owned by one loop too. Both are made by the wiring (main or a supervisor)
// before the threads start, so that the wiring is the drawing of the actor graph. Messages cross by
// owning pointer, in this file alone.
//
// Bounded: `limit` messages in all, counted exactly; a high-water mark on inproc is the sum of both
// ends and counts per pipe, so it is switched off here.

#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <zmq.hpp>

#include "common/actor/handover.h"
#include "common/base/check.h"
#include "common/base/limits.h"

namespace sluice::actor {

enum class [[nodiscard]] Offer{accepted, full};

// Makes the two ends of inproc edges. One per process; must outlive every mailbox and link.
class Wiring {
 public:
  Wiring() : context_(1) {}
  [[nodiscard]] zmq::context_t& context() noexcept { return context_; }
  // A fresh inproc address; `name` is for people.
  std::string fresh_address(const std::string& name) {
    return "inproc://" + name + "." + std::to_string(++last_);
  }

 private:
  zmq::context_t context_;
  std::size_t last_ = 0;
};

template <class Inbox>
class Link {
 public:
  Link() = default;  // unconnected: offer() answers full

  // Never blocks. `full` hands nothing over: the caller still decides what becomes of its work.
  Offer offer(Inbox message) {
    if (depth_ == nullptr) {
      return Offer::full;
    }
    if (depth_->fetch_add(1, std::memory_order_relaxed) >= limit_) {
      depth_->fetch_sub(1, std::memory_order_relaxed);
      return Offer::full;
    }
    auto owned = std::make_unique<Inbox>(std::move(message));
    if (!send_pointer(socket_, owned.get())) {
      depth_->fetch_sub(1, std::memory_order_relaxed);
      return Offer::full;
    }
    static_cast<void>(owned.release());
    return Offer::accepted;
  }

 private:
  template <class>
  friend class Mailbox;
  Link(zmq::socket_t socket, std::shared_ptr<std::atomic<std::size_t>> depth, std::size_t limit)
      : socket_(std::move(socket)), depth_(std::move(depth)), limit_(limit) {}

  zmq::socket_t socket_;
  std::shared_ptr<std::atomic<std::size_t>> depth_;
  std::size_t limit_ = 0;
};

template <class Inbox>
class Mailbox {
 public:
  Mailbox(Wiring& wiring, const std::string& name, std::size_t limit)
      : wiring_(&wiring),
        address_(wiring.fresh_address(name)),
        socket_(open_receiver(wiring.context(), address_)),
        depth_(std::make_shared<std::atomic<std::size_t>>(0)),
        limit_(limit) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() {
    drain([](Inbox&&) {}, limit_);
  }

  // Wiring time only, before the threads run.
  [[nodiscard]] Link<Inbox> link() {
    return Link<Inbox>(open_sender(wiring_->context(), address_), depth_, limit_);
  }

  // Hands up to `most` waiting messages to `take`. Returns how many; fewer than `most` means empty.
  template <class Take>
  std::size_t drain(Take&& take, std::size_t most = limits::kMailboxDrain) {
    std::size_t count = 0;
    while (count < most) {
      std::unique_ptr<Inbox> message(static_cast<Inbox*>(receive_pointer(socket_)));
      if (message == nullptr) {
        break;
      }
      depth_->fetch_sub(1, std::memory_order_relaxed);
      ++count;
      take(std::move(*message));
    }
    return count;
  }

  [[nodiscard]] zmq::socket_ref socket() noexcept { return socket_; }
  [[nodiscard]] std::size_t depth() const noexcept {
    return depth_->load(std::memory_order_relaxed);
  }

 private:
  Wiring* wiring_;
  std::string address_;
  zmq::socket_t socket_;
  std::shared_ptr<std::atomic<std::size_t>> depth_;
  std::size_t limit_;
};

}  // namespace sluice::actor
