#include "tests/conformance/determinism/same_bits.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>

#include "worker/model/engine_run.h"

namespace sluice::testing {
namespace {

using Tensors = std::vector<NamedTensor>;

// Rows [first, first + count) of a tensor of `rows` rows; strings have no fixed size and are left.
NamedTensor slice(const NamedTensor& tensor, std::int64_t first, std::int64_t count) {
  NamedTensor part = tensor;
  const auto bytes = tensor.data.bytes();
  const std::size_t row = bytes.size() / static_cast<std::size_t>(tensor.shape[0]);
  part.shape[0] = count;
  part.data = Buffer::copy_of(
      bytes.subspan(static_cast<std::size_t>(first) * row, static_cast<std::size_t>(count) * row));
  return part;
}

Tensors slices(const Tensors& tensors, std::int64_t first, std::int64_t count) {
  Tensors parts;
  for (const NamedTensor& tensor : tensors) {
    parts.push_back(slice(tensor, first, count));
  }
  return parts;
}

std::string first_difference(const Tensors& got, const Tensors& want) {
  for (std::size_t i = 0; i < want.size(); ++i) {
    const auto a = got[i].data.bytes();
    const auto b = want[i].data.bytes();
    if (got[i].shape != want[i].shape || a.size() != b.size()) {
      return "output " + std::to_string(i) + " has another shape";
    }
    const auto at = std::ranges::mismatch(a, b).in1 - a.begin();
    if (at != static_cast<std::ptrdiff_t>(a.size())) {
      return "output " + std::to_string(i) + ", byte " + std::to_string(at);
    }
  }
  return "";
}

// Notes which implementations the steps of a run had.
class Implementations final : public engine::StepObserver {
 public:
  void on_step(const engine::StepReport& step) override {
    if (!step.implementation.empty()) {
      names_.insert(std::string(step.op_type) + " by " + std::string(step.implementation));
    }
  }
  [[nodiscard]] std::string text() const {
    return std::accumulate(
        names_.begin(), names_.end(), std::string(), [](std::string all, const std::string& name) {
          return std::move(all) + "; " + name;
        });
  }

 private:
  std::set<std::string> names_;
};

class Probe {
 public:
  Probe(const engine::Session& session, std::string where)
      : session_(session), where_(std::move(where)) {
    outputs_.resize(session.info().outputs.size());
    std::iota(outputs_.begin(), outputs_.end(), std::size_t{0});
  }

  Result<Tensors> run(const Tensors& inputs) { return run(*execution_, inputs); }

  // Twice: the second run of a shape has other things in its memory than the first.
  Result<std::string> compare(const Tensors& inputs, const Tensors& want, const std::string& what) {
    const auto fresh = session_.new_execution();
    for (int turn = 0; turn < 2; ++turn) {
      SLUICE_TRY_ASSIGN(const Tensors got, run(*fresh, inputs));
      const std::string found = first_difference(got, want);
      if (!found.empty()) {
        return where_ + ", " + what + ", run " + std::to_string(turn + 1) + ": " + found +
               steps_.text();
      }
    }
    return std::string();
  }

 private:
  Result<Tensors> run(engine::Execution& execution, const Tensors& inputs) {
    return model::run_tensors(execution, session_.info(), inputs, outputs_, nullptr, &steps_);
  }

  const engine::Session& session_;
  std::string where_;
  std::vector<std::size_t> outputs_;
  Implementations steps_;
  std::unique_ptr<engine::Execution> execution_ = session_.new_execution();
};

// The rows' own answers one behind the other, as a batch would have them.
Tensors stacked(const std::vector<Tensors>& rows, std::size_t count) {
  Tensors all = rows.front();
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<std::byte> bytes;
    for (std::size_t row = 0; row < count; ++row) {
      const auto part = rows[row][i].data.bytes();
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
    all[i].shape[0] = static_cast<std::int64_t>(count);
    all[i].data = Buffer::copy_of(bytes);
  }
  return all;
}

Result<SameBits> joined(const std::vector<std::unique_ptr<engine::Session>>& sessions,
                        const Tensors& inputs) {
  const auto count = static_cast<std::size_t>(inputs.front().shape[0]);
  SameBits result{.joined = true};
  std::vector<Tensors> alone;
  Probe one(*sessions[0], "1 thread");
  for (std::size_t row = 0; row < count; ++row) {
    SLUICE_TRY_ASSIGN(alone.emplace_back(),
                      one.run(slices(inputs, static_cast<std::int64_t>(row), 1)));
  }
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Probe probe(*sessions[i], std::to_string(i + 1) + " threads");
    for (const std::size_t batch : {std::size_t{1}, std::size_t{2}, std::size_t{3}, count}) {
      SLUICE_TRY_ASSIGN(result.difference,
                        probe.compare(slices(inputs, 0, static_cast<std::int64_t>(batch)),
                                      stacked(alone, batch),
                                      "batch of " + std::to_string(batch)));
      if (!result.difference.empty()) {
        return result;
      }
    }
  }
  return result;
}

}  // namespace

Result<SameBits> same_bits(const Load& load, const std::vector<NamedTensor>& inputs) {
  std::vector<std::unique_ptr<engine::Session>> sessions;
  for (const int threads : {1, 2}) {
    SLUICE_TRY_ASSIGN(sessions.emplace_back(), load(threads));
  }
  const bool rows =
      sessions[0]->rows_independent() && std::ranges::all_of(inputs, [&](const NamedTensor& each) {
        return each.datatype != DataType::string && !each.shape.empty() &&
               each.shape[0] == inputs[0].shape[0] && each.shape[0] > 2;
      });
  if (rows) {
    return joined(sessions, inputs);
  }
  SameBits result;
  SLUICE_TRY_ASSIGN(const Tensors want, Probe(*sessions[0], "").run(inputs));
  for (std::size_t i = 0; i < sessions.size() && result.difference.empty(); ++i) {
    SLUICE_TRY_ASSIGN(
        result.difference,
        Probe(*sessions[i], std::to_string(i + 1) + " threads").compare(inputs, want, "again"));
  }
  return result;
}

}  // namespace sluice::testing
