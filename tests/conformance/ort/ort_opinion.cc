// ort_opinion: runs each case folder in our engine and in ONNX Runtime, on the same inputs, and
// compares the answers. Inputs: the recorded ones (or those of the bench, where there are none),
// and the same with every float moved by up to a tenth, by a seed.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench/engine/ort_library.h"
#include "bench/engine/ort_model.h"
#include "worker/engine/engine.h"
#include "worker/model/compare.h"
#include "worker/model/engine_bench.h"
#include "worker/model/recorded_set.h"
#include "worker/model/test_case.h"

namespace sluice {
namespace {

constexpr int kVariations = 3;
constexpr model::Tolerance kTolerance{.scale = 1e-2};  // a step of an 8-bit output is 4e-3

// Where the specification and its own case say otherwise than ONNX Runtime.
constexpr const char* kDisputed[] = {
    // It takes the indices for places of output_shape; they are MaxPool's.
    "test_maxunpool_export_with_output_shape",
};

struct Counts {
  int same = 0;
  int different = 0;
  int one_sided = 0;  // only one of the two runs it
};

// Whole numbers stay: they may be indices.
template <class Float>
bool is_whole(const NamedTensor& tensor) {
  for (std::size_t at = 0; at < tensor.data.size(); at += sizeof(Float)) {
    Float value = 0;
    std::memcpy(&value, tensor.data.data() + at, sizeof value);
    if (value != std::trunc(value)) {
      return false;
    }
  }
  return true;
}

template <class Float>
void vary(NamedTensor& tensor, std::mt19937& random) {
  if (is_whole<Float>(tensor)) {
    return;
  }
  std::uniform_real_distribution<double> factor(0.9, 1.1);
  MutableBuffer moved(tensor.data.size());
  for (std::size_t at = 0; at < tensor.data.size(); at += sizeof(Float)) {
    Float value = 0;
    std::memcpy(&value, tensor.data.data() + at, sizeof value);
    value = static_cast<Float>(static_cast<double>(value) * factor(random));
    std::memcpy(moved.data() + at, &value, sizeof value);
  }
  tensor.data = std::move(moved).freeze();
}

Result<std::vector<model::InputSet>> inputs_of(const std::string& folder, const ModelInfo& info) {
  const std::vector<std::string> recorded = model::recorded_sets(folder);
  model::BenchFeed feed;
  if (!recorded.empty()) {
    feed.data = recorded.front();
  }
  SLUICE_TRY_ASSIGN(std::vector<model::InputSet> sets, model::bench_sets(info, {}, feed));
  std::mt19937 random(20);
  for (int i = 0; i < kVariations; ++i) {
    model::InputSet set = sets.front();
    for (NamedTensor& tensor : set) {
      if (tensor.datatype == DataType::float32) {
        vary<float>(tensor, random);
      } else if (tensor.datatype == DataType::float64) {
        vary<double>(tensor, random);
      }
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

// What differs between the outputs of one name; empty: nothing.
std::string compare(const std::vector<NamedTensor>& got, const std::vector<NamedTensor>& want) {
  for (const NamedTensor& each : want) {
    const auto other = std::ranges::find(got, each.name, &NamedTensor::name);
    const auto wrong =
        other == got.end() ? std::nullopt : model::difference(*other, each, kTolerance);
    if (wrong) {
      return "'" + each.name + "': " + *wrong;
    }
  }
  return {};
}

Result<std::string> compare(model::BenchModel& ours, model::BenchModel& theirs, std::size_t sets) {
  for (std::size_t i = 0; i < sets; ++i) {
    SLUICE_TRY_ASSIGN(const std::vector<NamedTensor> want, theirs.outputs(i));
    const auto got = ours.outputs(i);
    if (!got && got.error().code == ErrorCode::unsupported) {  // training, by name
      return got.error();
    }
    if (!got) {
      return "set " + std::to_string(i) + ", which ours refuses: " + got.error().detail;
    }
    if (const std::string wrong = compare(*got, want); !wrong.empty()) {
      return "set " + std::to_string(i) + ", " + wrong;
    }
  }
  return std::string();
}

Result<std::string> compare_case(const std::string& folder,
                                 model::BenchEngine& our_engine,
                                 model::BenchEngine& their_engine) {
  const std::string path = (std::filesystem::path(folder) / "model.onnx").string();
  SLUICE_TRY_ASSIGN(const auto theirs, their_engine.load(path, 1));
  SLUICE_TRY_ASSIGN(const auto ours, our_engine.load(path, 1));
  SLUICE_TRY_ASSIGN(const std::vector<model::InputSet> sets, inputs_of(folder, ours->info()));
  SLUICE_TRY(ours->use(sets));
  SLUICE_TRY(theirs->use(sets));
  return compare(*ours, *theirs, sets.size());
}

void judge(const std::string& folder,
           model::BenchEngine& ours,
           model::BenchEngine& theirs,
           Counts& counts) {
  const auto found = compare_case(folder, ours, theirs);
  const std::string name = std::filesystem::path(folder).filename().string();
  if (!found) {
    ++counts.one_sided;
    const std::string& reason = found.error().detail;
    std::printf(
        "not compared %s: %s\n", folder.c_str(), reason.substr(0, reason.find('\n')).c_str());
  } else if (!found->empty() && std::ranges::find(kDisputed, name) != std::end(kDisputed)) {
    ++counts.one_sided;
    std::printf("disputed %s: %s\n", folder.c_str(), found->c_str());
  } else if (!found->empty()) {
    ++counts.different;
    std::printf("different %s: %s\n", folder.c_str(), found->c_str());
  } else {
    ++counts.same;
  }
}

Result<int> run(const std::vector<std::string>& arguments) {
  SLUICE_TRY_ASSIGN(const auto library, bench::OrtLibrary::open(arguments[0]));
  SLUICE_TRY_ASSIGN(const auto theirs, bench::ort_engine(*library));
  SLUICE_TRY_ASSIGN(const auto engine,
                    engine::open_engine(std::string(SLUICE_BINARY_DIR) + "/libsluice_engine.so"));
  const auto ours = model::bench_engine_of(*engine);
  Counts counts;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    for (const std::string& folder : model::case_folders(arguments[i])) {
      judge(folder, *ours, *theirs, counts);
    }
  }
  std::printf("%d the same, %d different, %d not compared\n",
              counts.same,
              counts.different,
              counts.one_sided);
  return counts.different > 0 || counts.same == 0 ? 1 : 0;
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  if (argc < 3) {
    static_cast<void>(std::fputs("usage: ort_opinion LIBRARY FOLDER...\n", stderr));
    return 2;
  }
  const auto code = sluice::run({argv + 1, argv + argc});
  if (!code) {
    static_cast<void>(std::fprintf(stderr, "ort_opinion: %s\n", code.error().detail.c_str()));
    return 1;
  }
  return *code;
}
