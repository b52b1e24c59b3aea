#include "tests/protocol/http/echo_server.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/check.h"
#include "gateway/net/bind.h"

namespace sluice::gateway {

namespace {

ClientReply text_reply(int status, std::string text) {
  ClientReply reply;
  reply.status = status;
  reply.content_type = "text/plain";
  reply.body.push_back(Buffer::from_string(std::move(text)));
  return reply;
}

ClientReply answer_to(const ClientMessage& message) {
  if (message.path == "/echo") {
    ClientReply reply;
    reply.content_type = "application/octet-stream";
    reply.body.push_back(message.body);
    return reply;
  }
  if (message.path == "/size") {
    return text_reply(200, std::to_string(message.body.size()));
  }
  if (message.path == "/big") {
    return text_reply(200, std::string(std::stoul(std::string(message.query)), 'x'));
  }
  if (message.path == "/path" || message.path == "/later") {
    return text_reply(200,
                      std::string(message.method) + " " + std::string(message.path) + " " +
                          std::string(message.query));
  }
  return text_reply(404, "no such path");
}

}  // namespace

EchoServer::EchoServer(const HttpOptions& options) : work_ready_(eventfd(0, EFD_NONBLOCK)) {
  auto address = parse_address("127.0.0.1:0");
  SLUICE_CHECK(address);
  auto bound = bind_listeners(*address, 1);
  SLUICE_CHECK(bound);
  port_ = bound->address.port();
  std::promise<void> ready;
  thread_ = std::jthread([this, &options, &ready, fd = std::move(bound->fds.front())]() mutable {
    run(options, std::move(fd), ready);
  });
  ready.get_future().wait();
}

EchoServer::~EchoServer() {
  loop_->stop_from_any_thread();
  thread_.join();
}

void EchoServer::run(const HttpOptions& options, UniqueFd fd, std::promise<void>& ready) {
  IoLoop loop;
  HttpListener listener(loop, *this, options);
  LoopPost later(loop, callback_of<&EchoServer::on_later>(*this));
  const FdWatch work(loop, work_ready_.get(), callback_of<&EchoServer::on_work>(*this));
  loop_ = &loop;
  listener_ = &listener;
  later_ = &later;
  counters_ = &listener.counters();
  listener.listen(std::move(fd), 7);
  ready.set_value();
  loop.run();
}

void EchoServer::on_loop(const std::function<void(HttpListener&)>& work) {
  std::promise<void> done;
  {
    const std::lock_guard lock(mutex_);
    work_.emplace_back([&work, &done](HttpListener& listener) {
      work(listener);
      done.set_value();
    });
  }
  const std::uint64_t one = 1;
  SLUICE_CHECK(::write(work_ready_.get(), &one, sizeof one) == sizeof one);
  done.get_future().wait();
}

void EchoServer::on_work(TimePoint /*now*/) {
  std::uint64_t count = 0;
  if (::read(work_ready_.get(), &count, sizeof count) != sizeof count) {
    return;
  }
  std::vector<std::function<void(HttpListener&)>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(work_);
  }
  for (const auto& each : work) {
    each(*listener_);
  }
}

void EchoServer::release() {
  on_loop([this](HttpListener& listener) {
    while (!held_.empty()) {
      listener.reply(held_.back(), text_reply(200, "released " + std::to_string(held_.size())));
      held_.pop_back();
    }
    held_count_ = 0;
  });
}

void EchoServer::on_later(TimePoint /*now*/) {
  // The newest first: the listener puts them in order.
  while (!delayed_.empty()) {
    listener_->reply(delayed_.back().first, std::move(delayed_.back().second));
    delayed_.pop_back();
  }
}

void EchoServer::on_request(RequestHandle handle,
                            const ClientMessage& message,
                            const RequestFacts& facts) {
  SLUICE_CHECK(facts.port_tag == 7 && facts.first_byte <= facts.last_body_byte);
  if (everything_) {
    listener_->reply(handle, text_reply(200, ""));
    return;
  }
  if (message.path == "/hold") {
    held_.push_back(handle);
    ++held_count_;
    return;
  }
  if (message.path == "/later") {
    delayed_.emplace_back(handle, answer_to(message));
    later_->post();
    return;
  }
  listener_->reply(handle, answer_to(message));
}

void EchoServer::on_abandoned(RequestHandle handle) {
  std::erase(held_, handle);
  held_count_ = static_cast<int>(held_.size());
  ++abandoned_;
}

}  // namespace sluice::gateway
