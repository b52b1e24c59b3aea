#include "worker/serve/join.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "worker/serve/run_request.h"

namespace sluice::worker {
namespace {

// FNV-1a, 64 bits.
class Digest {
 public:
  void add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) {
      byte(static_cast<unsigned char>(number >> (8 * i)));
    }
  }
  void add(std::string_view text) {
    add(text.size());
    for (const char letter : text) {
      byte(static_cast<unsigned char>(letter));
    }
  }
  [[nodiscard]] std::uint64_t value() const { return value_ == 0 ? 1 : value_; }

 private:
  void byte(unsigned char value) { value_ = (value_ ^ value) * 0x100000001b3ULL; }
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

const NamedTensor* input_named(const InferRequest& request, const std::string& name) {
  const auto found = std::ranges::find(request.inputs, name, &NamedTensor::name);
  return found != request.inputs.end() ? &*found : nullptr;
}

std::int64_t rows_of(const InferRequest& request) {
  return request.inputs.empty() || request.inputs[0].shape.empty() ? 0 : request.inputs[0].shape[0];
}

bool same_but_rows(const Shape& a, const Shape& b) {
  return a.size() == b.size() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

// Exactly what the digest stands for.
bool may_join(const InferRequest& a, const InferRequest& b) {
  return a.inputs.size() == b.inputs.size() && a.outputs == b.outputs &&
         std::ranges::all_of(a.inputs, [&](const NamedTensor& input) {
           const NamedTensor* other = input_named(b, input.name);
           return other != nullptr && !input.shape.empty() && !other->shape.empty() &&
                  other->datatype == input.datatype && same_but_rows(input.shape, other->shape);
         });
}

struct Member {
  std::size_t index = 0;  // of the job
  InferRequest request;
  std::int64_t rows = 0;
};

// All rows of one input, one member's behind the other's.
NamedTensor stacked(const NamedTensor& like, const std::vector<Member>& members) {
  std::size_t size = 0;
  NamedTensor whole{.name = like.name, .datatype = like.datatype, .shape = like.shape, .data = {}};
  whole.shape[0] = 0;
  for (const Member& member : members) {
    const NamedTensor& part = *input_named(member.request, like.name);
    size += part.data.size();
    whole.shape[0] += part.shape[0];
  }
  MutableBuffer bytes(size);
  std::size_t at = 0;
  for (const Member& member : members) {
    const NamedTensor& part = *input_named(member.request, like.name);
    if (!part.data.empty()) {
      std::memcpy(bytes.data() + at, part.data.data(), part.data.size());
    }
    at += part.data.size();
  }
  whole.data = std::move(bytes).freeze();
  return whole;
}

std::size_t bytes_of(const std::vector<Member>& members) {
  std::size_t bytes = 0;
  for (const Member& member : members) {
    for (const NamedTensor& input : member.request.inputs) {
      bytes += input.data.size();
    }
  }
  return bytes;
}

// Rows [from, from + count) of each output.
std::vector<NamedTensor> taken_apart(const std::vector<NamedTensor>& outputs,
                                     std::int64_t from,
                                     std::int64_t count) {
  std::vector<NamedTensor> parts;
  for (const NamedTensor& output : outputs) {
    const std::size_t row = output.data.size() / static_cast<std::size_t>(output.shape[0]);
    NamedTensor part{
        .name = output.name, .datatype = output.datatype, .shape = output.shape, .data = {}};
    part.shape[0] = count;
    part.data = output.data.slice(static_cast<std::size_t>(from) * row,
                                  static_cast<std::size_t>(count) * row);
    parts.push_back(std::move(part));
  }
  return parts;
}

bool has_rows(const std::vector<NamedTensor>& outputs, std::int64_t rows) {
  return std::ranges::all_of(outputs, [&](const NamedTensor& output) {
    return output.datatype != DataType::string && !output.shape.empty() && output.shape[0] == rows;
  });
}

class Together {
 public:
  Together(std::span<const Job* const> jobs,
           const ServedModel& served,
           engine::Execution& execution,
           const Clock& clock,
           link::Encoder& encoder)
      : jobs_(jobs),
        served_(served),
        execution_(execution),
        clock_(clock),
        encoder_(encoder),
        answers_(jobs.size()) {}

  void accept_all() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      auto request = accept(*jobs_[i], served_);
      if (!request) {
        answers_[i] =
            Executed{.outcome = Outcome::refused,
                     .service = std::nullopt,
                     .answer = failure_of(jobs_[i]->id, jobs_[i]->attempt, request.error())};
        continue;
      }
      const std::int64_t rows = rows_of(*request);
      const bool fits = rows > 0 && (members_.empty() || may_join(members_[0].request, *request));
      if (fits) {
        members_.push_back({i, *std::move(request), rows});
      }
    }
  }

  // Leaves without an answer whom it could not help.
  void run_joined(const std::atomic<bool>& stop) {
    constexpr auto kMost = static_cast<std::size_t>(limits::kLinkMessageBytes);
    if (members_.size() < 2 || bytes_of(members_) > kMost) {
      return;
    }
    InferRequest whole;
    whole.outputs = members_[0].request.outputs;
    std::int64_t rows = 0;
    for (const Member& member : members_) {
      rows += member.rows;
    }
    for (const NamedTensor& input : members_[0].request.inputs) {
      whole.inputs.push_back(stacked(input, members_));
    }
    const TimePoint begun = clock_.now();
    const auto outputs = run_request(whole, served_, execution_, &stop);
    const Duration compute = clock_.now() - begun;
    ++runs_;
    const bool stopped = !outputs && outputs.error().code == ErrorCode::cancelled &&
                         stop.load(std::memory_order_relaxed);
    if (!stopped && (!outputs || !has_rows(*outputs, rows))) {
      return;
    }
    std::int64_t from = 0;
    for (const Member& member : members_) {
      const Job& job = *jobs_[member.index];
      Executed executed;
      executed.outcome = stopped ? Outcome::cancelled : Outcome::executed;
      if (stopped) {
        executed.answer = failure_of(job.id, job.attempt, outputs.error());
      } else {
        executed.service = compute / static_cast<Duration::rep>(members_.size());
        executed.answer = answer_of(job,
                                    served_,
                                    taken_apart(*outputs, from, member.rows),
                                    {.queue = begun - job.received, .compute = compute},
                                    encoder_);
      }
      answers_[member.index] = std::move(executed);
      from += member.rows;
    }
  }

  ExecutedTogether finish(std::span<const std::atomic<bool>* const> stops) {
    ExecutedTogether all;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (!answers_[i]) {
        answers_[i] = execute(*jobs_[i], served_, execution_, *stops[i], clock_, encoder_);
        runs_ += answers_[i]->outcome == Outcome::refused ? 0U : 1U;
      }
      all.each.push_back(*std::move(answers_[i]));
    }
    all.runs = runs_;
    return all;
  }

 private:
  std::span<const Job* const> jobs_;
  const ServedModel& served_;
  engine::Execution& execution_;
  const Clock& clock_;
  link::Encoder& encoder_;
  std::vector<std::optional<Executed>> answers_;
  std::vector<Member> members_;
  std::size_t runs_ = 0;
};

}  // namespace

void note_shape(Job& job, const ServedModel& served) {
  job.shape = 0;
  job.rows = 1;
  if (!served.joins || job.alone) {
    return;
  }
  const auto request = accept(job, served);
  if (!request || rows_of(*request) < 1) {
    return;
  }
  Digest digest;
  for (const ValueInfo& declared : served.facts.inputs) {
    const NamedTensor* input = input_named(*request, declared.name);
    digest.add(std::uint64_t{input != nullptr ? input->shape.size() + 1 : 0});
    for (std::size_t i = 1; input != nullptr && i < input->shape.size(); ++i) {
      digest.add(static_cast<std::uint64_t>(input->shape[i]));
    }
  }
  for (const std::string& output : request->outputs) {
    digest.add(output);
  }
  job.shape = digest.value();
  job.rows = rows_of(*request);
}

ExecutedTogether execute_together(std::span<const Job* const> jobs,
                                  std::span<const std::atomic<bool>* const> stops,
                                  const std::atomic<bool>& stop,
                                  const ServedModel& served,
                                  engine::Execution& execution,
                                  const Clock& clock,
                                  link::Encoder& encoder) {
  SLUICE_CHECK(jobs.size() == stops.size());
  Together together(jobs, served, execution, clock, encoder);
  try {
    together.accept_all();
    together.run_joined(stop);
  } catch (const std::bad_alloc&) {
    // One at a time needs less; who still finds no memory is told so.
  }
  return together.finish(stops);
}

}  // namespace sluice::worker
