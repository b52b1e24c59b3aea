// MelWeightMatrix: triangles over the bins of a spectrum, evenly spaced in mel.
// Spec: https://onnx.ai/onnx/operators/onnx__MelWeightMatrix.html (read 2026-11).
// Inputs (numbers, one each): mel bins m, DFT length, sample rate, lowest and highest frequency in
// Hz -> [DFT length / 2 + 1, m] of any number type, float32 by default. With mel = 2595 log10(1 +
// Hz / 700), the m + 2 corners of the triangles divide the range into m + 2 steps (the last corner
// is a step short of its end, as the reference has it) and are rounded down to bins of floor((DFT
// length + 1) * Hz / sample rate). A triangle without a rising side is 1 at its centre.

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "common/tensor/small_float.h"
#include "worker/engine/graph/onnx_types.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct MelParams {
  DataType datatype = DataType::float32;
};

Result<MelParams> parse_mel(const Node& node) {
  Attributes attributes(node);
  MelParams params;
  SLUICE_TRY_ASSIGN(params.datatype,
                    datatype_attribute(attributes, "output_datatype", DataType::float32));
  SLUICE_TRY(attributes.finish());
  if (!is_number(params.datatype) && !is_half(params.datatype)) {
    return unsupported_type(params.datatype);
  }
  return params;
}

struct Bank {
  std::int64_t bins = 0;  // of the spectrum
  std::int64_t mels = 0;
  std::vector<std::int64_t> corners{};
};

Result<double> real_in(const TensorView& tensor) {
  Result<double> found = bad_input("wants one number, not " + to_string(tensor.dims));
  if (tensor.count == 1 && tensor.datatype == DataType::float16) {
    found = static_cast<double>(to_float(tensor.as<Float16>()[0]));
  } else if (tensor.count == 1 && tensor.datatype == DataType::bfloat16) {
    found = static_cast<double>(to_float(tensor.as<BFloat16>()[0]));
  } else if (tensor.count == 1) {
    dispatch_number(tensor.datatype,
                    [&](auto tag) { found = static_cast<double>(tensor.as<decltype(tag)>()[0]); });
  }
  return found;
}

// nullopt when only the run will know.
Result<std::optional<Bank>> bank_of(const InputFacts& facts) {
  double numbers[5] = {};
  for (std::size_t i = 0; i < 5; ++i) {
    if (facts.at(i).value == nullptr) {
      return std::optional<Bank>();
    }
    SLUICE_TRY_ASSIGN(numbers[i], real_in(*facts.at(i).value));
  }
  const auto [mels, length, rate, low, high] = numbers;
  constexpr double kMost = 1 << 24;
  if (!(mels >= 0 && mels < kMost && length >= 1 && length < kMost && rate > 0 && low >= 0 &&
        high >= low && high < rate * kMost)) {
    return bad_input("no mel weights for " + std::to_string(mels) + " bins of a DFT of " +
                     std::to_string(length) + " at " + std::to_string(rate) + " Hz, from " +
                     std::to_string(low) + " to " + std::to_string(high) + " Hz");
  }
  Bank bank{.bins = static_cast<std::int64_t>(length) / 2 + 1,
            .mels = static_cast<std::int64_t>(mels)};
  const double low_mel = 2595 * std::log10(1 + low / 700);
  const double high_mel = 2595 * std::log10(1 + high / 700);
  const double step = (high_mel - low_mel) / (mels + 2);
  for (std::int64_t i = 0; i < bank.mels + 2; ++i) {
    const double mel = static_cast<double>(i) * step + low_mel;
    const double hertz = 700 * (std::pow(10.0, mel / 2595) - 1);
    bank.corners.push_back(static_cast<std::int64_t>(std::floor((length + 1) * hertz / rate)));
  }
  return std::optional(std::move(bank));
}

Result<OutputFacts> infer_mel(const MelParams& params, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(const std::optional<Bank> bank, bank_of(facts));
  if (!bank) {
    return data_dependent(params.datatype);
  }
  return one_output(params.datatype, {bank->bins, bank->mels});
}

Result<Bank> bind_mel(const MelParams&, BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(std::optional<Bank> bank, bank_of({.inputs = facts}));
  SLUICE_CHECK(bank.has_value());
  return *std::move(bank);
}

// Of triangle `mel` at `bin`.
double weight(const Bank& bank, std::int64_t mel, std::int64_t bin) {
  const auto at = static_cast<std::size_t>(mel);
  const std::int64_t left = bank.corners[at];
  const std::int64_t centre = bank.corners[at + 1];
  const std::int64_t right = bank.corners[at + 2];
  if (bin == centre) {
    return 1;
  }
  if (bin > left && bin < centre) {
    return static_cast<double>(bin - left) / static_cast<double>(centre - left);
  }
  if (bin > centre && bin < right) {
    return static_cast<double>(right - bin) / static_cast<double>(right - centre);
  }
  return 0;
}

Result<void> run_mel(const MelParams&, const Bank& bank, KernelContext& context) {
  TensorView& y = context.output(0);
  const auto fill = [&](auto* to, const auto& convert) {
    for (std::int64_t i = 0; i < y.count; ++i) {
      to[i] = convert(weight(bank, i % bank.mels, i / bank.mels));
    }
  };
  if (y.datatype == DataType::float16) {
    fill(y.mut<Float16>().data(), [](double w) { return narrow<Float16>(to_odd(w)); });
  } else if (y.datatype == DataType::bfloat16) {
    fill(y.mut<BFloat16>().data(), [](double w) { return narrow<BFloat16>(to_odd(w)); });
  } else {
    dispatch_number(y.datatype, [&](auto tag) {
      using T = decltype(tag);
      fill(y.mut<T>().data(), [](double w) { return static_cast<T>(w); });
    });
  }
  return {};
}

}  // namespace

void register_mel(Registry& registry) {
  registry.add({.name = "MelWeightMatrix",
                .since = {17},
                .arity = {5, 5, 1},
                .kernel = bound_kernel<parse_mel, infer_mel, bind_mel, run_mel>(),
                .halves = HalfRule::native,
                .tame = true});
}

}  // namespace sluice::engine
