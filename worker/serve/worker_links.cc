// LinkActor, the outer side: its sockets, who is at the other end, and what they say.

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include <unistd.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/serve/endpoint_choice.h"
#include "worker/serve/execute.h"
#include "worker/serve/join.h"
#include "worker/serve/link_actor.h"

namespace sluice::worker {

using link::Kind;
using link::WorkerState;

void LinkActor::service_links(TimePoint now) {
  service(*control_, now);
  for (const auto& shard : shards_) {
    if (shard != nullptr) {
      service(*shard, now);
    }
  }
  arm(now);
}

void LinkActor::service(PeerLink& link, TimePoint now) {
  for (;;) {
    switch (link.finished ? Attach::Step::wait : link.attach.step(now)) {
      case Attach::Step::wait:
        return;
      case Attach::Step::beat:
        link.send(link::encode(heartbeat(link)));
        break;
      case Attach::Step::open:
        drop_requests_of(link);
        if (state_ == WorkerState::draining && !is_control(link)) {
          link.finished = true;  // lost while draining: nobody is left there to say bye
          link.close(*parts_.loop);
          check_drained(now);
          return;
        }
        open(link);
        break;
    }
  }
}

void LinkActor::arm(TimePoint now) {
  TimePoint due = control_->attach.next_due();
  for (const auto& shard : shards_) {
    if (shard != nullptr && !shard->finished) {
      due = std::min(due, shard->attach.next_due());
    }
  }
  due = std::max(due, now);
  if (timer_ != 0 && due == armed_for_) {
    return;
  }
  parts_.loop->timers().cancel(timer_);
  armed_for_ = due;
  timer_ = parts_.loop->timers().at(due, [this](TimePoint then) {
    timer_ = 0;
    if (!finished_) {
      note_absence(then);
      service_links(then);
      flush_answers();
    }
  });
}

void LinkActor::open(PeerLink& link) {
  link.number = ++sockets_;
  if (link.open(*parts_.context, *parts_.loop, identity_ + "." + std::to_string(link.number))) {
    link.send(link::encode(hello_for(link)));
  }
}

link::Hello LinkActor::hello_for(const PeerLink& link) const {
  link::Hello hello{.worker_id = options_.worker_id,
                    .node_id = options_.node_id,
                    .pid = static_cast<std::uint32_t>(::getpid()),
                    .boot_id = boot_id_,
                    .attach = link.number,
                    .state = state_,
                    .model = model_,
                    .executors = static_cast<std::uint32_t>(options_.executors),
                    .credit = is_control(link) ? 0 : credit(),
                    .findings = findings_};
  if (!is_control(link)) {
    hello.config = config_;
    hello.labels = trials_->served.labels;
    hello.bundle_bytes = limits::kBundleBytes;
  }
  return hello;
}

link::Heartbeat LinkActor::heartbeat(const PeerLink& link) const {
  link::Heartbeat beat{.sequence = link.attach.beats(), .state = state_};
  beat.credit = is_control(link) ? 0 : credit();
  beat.queued = static_cast<std::uint32_t>(batcher_.queued());
  for (const Board& board : *parts_.boards) {
    beat.running += board.running.load(std::memory_order_relaxed) ? 1U : 0U;
    beat.progress += board.progress.load(std::memory_order_relaxed);
    beat.requests += board.requests.load(std::memory_order_relaxed);
    beat.executed += board.executed.load(std::memory_order_relaxed);
  }
  beat.expired = expired_;
  beat.cancelled = cancelled_;
  beat.garbage = garbage_;
  beat.service_time_mean = batcher_.service_mean();
  return beat;
}

bool LinkActor::on_readable(PeerLink& link, TimePoint now) {
  const bool more = read(link, limits::kSocketDrain, now);
  if (!finished_) {
    dispatch(now);
    check_drained(now);
    flush_answers();
  }
  return more && !finished_;
}

// True when it stopped at the limit.
bool LinkActor::read(PeerLink& link, int limit, TimePoint now) {
  for (int i = 0; i < limit; ++i) {
    if (!link.socket || finished_) {
      return false;
    }
    auto raw = link::receive(link.socket);
    if (!raw) {
      return false;
    }
    use(link, *std::move(raw), now);
  }
  return true;
}

void LinkActor::use(PeerLink& link, link::RawMessage raw, TimePoint now) {
  try {
    link::for_each_message(std::move(raw), [&](Result<link::Message> message) {
      const Result<void> used = message ? on_message(link, *std::move(message), now)
                                        : Result<void>(std::move(message).error());
      if (!used) {
        on_garbage(link, used.error());
      }
    });
  } catch (const std::bad_alloc&) {
    on_garbage(link, {ErrorCode::resource_exhausted, "not enough memory for a message"});
  }
}

void LinkActor::read_all_empty(TimePoint now) {
  constexpr int kAll = 64 * limits::kSocketDrain;  // far above what credit and beats can amount to
  read(*control_, kAll, now);
  for (const auto& shard : shards_) {
    if (shard != nullptr) {
      read(*shard, kAll, now);
    }
  }
}

void LinkActor::on_garbage(const PeerLink& link, const Error& error) {
  ++garbage_;
  if ((garbage_ & (garbage_ - 1)) == 0) {  // the first, the second, the fourth, ...
    log_warn("bad_link_message",
             {{"endpoint", link.endpoint}, {"reason", error.detail}, {"count", garbage_}});
  }
}

Result<void> LinkActor::on_message(PeerLink& link, link::Message message, TimePoint now) {
  link.attach.on_heard(now);
  switch (message.header.kind) {
    case Kind::welcome:
      return on_welcome(link, message.body, now);
    case Kind::heartbeat: {
      auto beat = link::decode_heartbeat(message.body);
      return beat ? Result<void>() : Result<void>(std::move(beat).error());
    }
    case Kind::bye:
      on_bye(link, now);
      return {};
    case Kind::drain:
      if (is_control(link)) {
        SLUICE_TRY_ASSIGN(const link::Drain drain_message, link::decode_drain(message.body));
        drain(drain_message.reason, now);
        return {};
      }
      break;
    case Kind::infer:
      if (!is_control(link) && link.attach.attached()) {
        on_infer(link, std::move(message), now);
        return {};
      }
      break;
    case Kind::cancel:
      if (!is_control(link)) {
        on_cancel(link, message.header);
        return {};
      }
      break;
    default:
      break;
  }
  return Error{ErrorCode::data_corrupt,
               std::string(name_of(message.header.kind)) + " is not for a worker here"};
}

Result<void> LinkActor::on_welcome(PeerLink& link, const link::Body& body, TimePoint now) {
  SLUICE_TRY_ASSIGN(const link::Welcome welcome, link::decode_welcome(body));
  link.attach.on_welcome(welcome.heartbeat_interval, now);
  link.same_clock = link::same_clock(welcome.boot_id, boot_id_);
  link.gateway_id = welcome.gateway_id;
  link.bundle.allow(welcome.bundle_bytes);
  log_info("link_attached",
           {{"worker", options_.worker_id},
            {"endpoint", link.endpoint},
            {"gateway", welcome.gateway_id},
            {"attach", link.number}});
  if (is_control(link)) {
    shard_endpoints_ = choose_endpoints(options_.control, welcome.shard_endpoints);
    for (const auto& shard : shards_) {
      if (shard != nullptr && shard->gateway_id != welcome.gateway_id) {
        shard->attach.on_bye();  // attached to an earlier life of the gateway
      }
    }
    dial_shards(now);
  }
  arm(now);
  return {};
}

// Makes the links those of the last welcome; none before the worker is ready.
void LinkActor::dial_shards(TimePoint now) {
  if (state_ != WorkerState::ready) {
    return;
  }
  for (auto& shard : shards_) {
    if (shard != nullptr &&
        std::ranges::find(shard_endpoints_, shard->endpoint) == shard_endpoints_.end()) {
      drop_requests_of(*shard);
      shard->close(*parts_.loop);
      shard.reset();
    }
  }
  for (const std::string& endpoint : shard_endpoints_) {
    const bool known = std::ranges::any_of(shards_, [&](const auto& shard) {
      return shard != nullptr && shard->endpoint == endpoint;
    });
    if (known) {
      continue;
    }
    auto place = std::ranges::find_if(shards_, [](const auto& shard) { return shard == nullptr; });
    if (place == shards_.end()) {
      place = shards_.insert(place, nullptr);
    }
    *place = std::make_unique<PeerLink>(endpoint, control_->attach.interval());
    PeerLink* made = place->get();
    made->on_readable = [this, made](TimePoint then) { return on_readable(*made, then); };
  }
  service_links(now);
}

void LinkActor::on_bye(PeerLink& link, TimePoint now) {
  if (state_ == WorkerState::draining && !is_control(link)) {
    link.finished = true;
    check_drained(now);
    return;
  }
  link.attach.on_bye();
  arm(now);
}

void LinkActor::on_infer(PeerLink& link, link::Message message, TimePoint now) {
  if (!link.same_clock) {
    message.header.deadline.reset();
  }
  Job job{.id = message.header.id,
          .attempt = message.header.attempt,
          .from = {index_of(link), link.number},
          .deadline = deadline_of(message.header, now),
          .received = now,
          .body = std::move(message.body),
          .alone = message.header.alone};
  note_shape(job, trials_->served);
  auto added = batcher_.add(std::move(job));
  if (!added) {
    post_answer({index_of(link), link.number},
                failure_of(message.header.id, message.header.attempt, added.error()));
  } else if (answer_order_) {
    answer_order_->on_accepted(*added);
  }
}

void LinkActor::on_cancel(PeerLink& link, const link::Header& header) {
  const LinkRef from{index_of(link), link.number};
  const Error reason{ErrorCode::cancelled, "cancelled"};
  if (const auto waiting = batcher_.remove(from, header.id, header.attempt)) {
    ++cancelled_;
    refuse(*waiting, reason);
    return;
  }
  const auto place = batcher_.find(from, header.id, header.attempt);
  if (!place) {
    return;  // answered already: the two have crossed
  }
  Board& board = (*parts_.boards)[place->executor];
  if (take_claim(board, place->slot, Claim::revoked)) {
    ++cancelled_;
    refuse(batcher_.job_at(*place), reason);
  } else {
    stop(*place);
  }
}

// The socket is about to go: nobody will read what its requests come to.
void LinkActor::drop_requests_of(PeerLink& link) {
  if (is_control(link) || link.number == 0) {
    return;
  }
  const Batcher::Dropped dropped = batcher_.drop_all({index_of(link), link.number});
  cancelled_ += dropped.waiting.size();
  for (const std::uint64_t order : answer_order_ ? dropped.waiting : std::vector<std::uint64_t>()) {
    release(answer_order_->on_dropped(order));
  }
  for (const Batcher::Place& place : dropped.assigned) {
    Board& board = (*parts_.boards)[place.executor];
    if (take_claim(board, place.slot, Claim::revoked)) {
      ++cancelled_;
      if (answer_order_) {
        release(answer_order_->on_dropped(batcher_.job_at(place).order));
      }
    } else {
      stop(place);
    }
  }
}

// Of a run that several share once nobody waits for any of them: until then the others' rows are
// worth computing.
void LinkActor::stop(const Batcher::Place& place) {
  Board& board = (*parts_.boards)[place.executor];
  board.stop[place.slot].store(true, std::memory_order_relaxed);
  if (const auto leader = batcher_.abandon(place)) {
    board.stop_joined[*leader].store(true, std::memory_order_relaxed);
  }
}

std::size_t LinkActor::index_of(const PeerLink& link) const {
  const auto found =
      std::ranges::find_if(shards_, [&](const auto& shard) { return shard.get() == &link; });
  SLUICE_CHECK(found != shards_.end());
  return static_cast<std::size_t>(found - shards_.begin());
}

}  // namespace sluice::worker
