// Resize, Upsample.
// Spec: https://onnx.ai/onnx/operators/onnx__Resize.html, onnx__Upsample.html (read 2026-11).
// Attributes and extents are in resize_spec.h, tables for each axis in resize_axis.h; here are the
// passes over the data.
// Types: nearest all; linear and cubic all numbers, float32 in float32, the others in double,
// integers cut towards zero and held to their range. Any rank and any axes.
// Opsets: Upsample takes its scales from attributes (1, 7) or input 1 (9); it ends with 9. Resize
// 10 is Upsample that may shrink: x / s, nearest taken upwards when shrinking. 11 adds the
// coordinate and nearest modes, cubic, roi and sizes; 13 drops tf_half_pixel_for_nn; 18 adds
// antialias, axes and keep_aspect_ratio_policy; 19 half_pixel_symmetric.

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/elements.h"
#include "worker/ops/nn/resize_spec.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

bool is_empty(Dims dims) {
  return std::ranges::find(dims, 0) != dims.end();
}

Result<OutputFacts> infer_resize(const ResizeParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (params.rule.mode != ResizeMode::nearest && !is_number(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  bool known = true;
  const auto view = [&](std::size_t i) -> const TensorView* {
    if (i == kNoInput || !facts.has(i) || is_empty(facts.at(i).dims)) {
      return nullptr;
    }
    known = known && facts.at(i).value != nullptr;
    return facts.at(i).value;
  };
  const ResizeInputs inputs{
      view(params.roi_input), view(params.scales_input), view(params.sizes_input)};
  if (!known) {
    return data_dependent(x.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::vector<ResizeAxis> axes, resize_axes(params, inputs, x.dims));
  Shape dims;
  for (const ResizeAxis& axis : axes) {
    dims.push_back(axis.out);
  }
  return one_output(x.datatype, std::move(dims));
}

// --- bind ----------------------------------------------------------------------------------------

struct ResizeBound {
  std::vector<AxisTable> tables{};    // in the order of memory
  std::vector<std::size_t> passes{};  // axes that change, in the order that costs least
  std::int64_t buffer = 0;            // elements of each of the two buffers between passes
};

// Work of the passes in their order: every tap of every element made, where neighbours in memory
// have the same weight in one instruction of many.
double cost_of(const std::vector<AxisTable>& tables, std::span<const std::size_t> passes) {
  constexpr double kByOnes = 8;  // of the innermost axis
  double count = 1;              // of elements, in those that there are at first
  double cost = 0;
  for (const std::size_t axis : passes) {
    const AxisTable& table = tables[axis];
    count = count / static_cast<double>(table.in) * static_cast<double>(table.out);
    const bool innermost = axis + 1 == tables.size();
    cost += count * static_cast<double>(table.taps) * (innermost ? kByOnes : 1.0);
  }
  return cost;
}

void order_passes(ResizeBound& bound) {
  constexpr std::size_t kTried = 4;  // 24 orders
  if (bound.passes.size() > kTried) {
    std::ranges::stable_sort(bound.passes, {}, [&](std::size_t i) {
      return static_cast<double>(bound.tables[i].out) / static_cast<double>(bound.tables[i].in);
    });
    return;
  }
  std::array<std::size_t, kTried> place{};
  const std::span tried = std::span(place).first(bound.passes.size());
  std::ranges::copy(bound.passes, tried.begin());
  double least = cost_of(bound.tables, tried);
  while (std::ranges::next_permutation(tried).found) {
    if (const double cost = cost_of(bound.tables, tried); cost < least) {
      least = cost;
      std::ranges::copy(tried, bound.passes.begin());
    }
  }
}

Result<ResizeBound> bind_resize(const ResizeParams& params, BindContext& context) {
  const TensorView& x = context.inputs[0];
  ResizeBound bound;
  if (context.outputs[0].count == 0) {
    return bound;
  }
  const auto view = [&](std::size_t i) {
    const bool given = i != kNoInput && context.has_input(i) && !is_empty(context.inputs[i].dims);
    return given ? &context.inputs[i] : nullptr;
  };
  SLUICE_TRY_ASSIGN(
      std::vector<ResizeAxis> axes,
      resize_axes(params,
                  {view(params.roi_input), view(params.scales_input), view(params.sizes_input)},
                  x.dims));
  if (x.layout == Layout::channels_last) {
    std::rotate(axes.begin() + 1, axes.begin() + 2, axes.end());
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    SLUICE_TRY_ASSIGN(AxisTable table, make_axis_table(params.rule, axes[i]));
    bound.tables.push_back(std::move(table));
    if (!bound.tables[i].identity) {
      bound.passes.push_back(i);
    }
  }
  if (params.rule.mode == ResizeMode::nearest) {
    return bound;
  }
  order_passes(bound);
  std::int64_t count = x.count;
  bound.buffer = count;
  for (const std::size_t i : bound.passes) {
    count = count / axes[i].in * axes[i].out;
    bound.buffer = std::max(bound.buffer, count);
  }
  const std::size_t element = x.datatype == DataType::float32 ? sizeof(float) : sizeof(double);
  context.scratch_size = 2 * static_cast<std::size_t>(bound.buffer) * element;
  return bound;
}

// --- run -----------------------------------------------------------------------------------------

template <class T>
void run_nearest(const ResizeParams& params, const ResizeBound& bound, KernelContext& context) {
  const T* x = elements<T>(context.input(0));
  T* y = elements<T>(context.output(0));
  T fill{};
  if constexpr (!std::is_same_v<T, std::string>) {
    dispatch_number(context.input(0).datatype, [&](auto tag) {
      if constexpr (sizeof(tag) == sizeof(T)) {
        const auto value = static_cast<decltype(tag)>(params.rule.extrapolation);
        std::memcpy(&fill, &value, sizeof value);
      }
    });
  }
  const std::size_t last = bound.passes.empty() ? 0 : bound.passes.back();
  std::int64_t inner = 1;
  for (std::size_t i = last + 1; i < bound.tables.size(); ++i) {
    inner *= bound.tables[i].out;
  }
  std::int64_t rows = 1;
  for (std::size_t i = 0; i < last; ++i) {
    rows *= bound.tables[i].out;
  }
  const AxisTable line = bound.tables.empty() ? AxisTable{.index = {0}} : bound.tables[last];
  parallel_for(rows, 1 + 16'384 / (line.out * inner), [&](std::int64_t begin, std::int64_t end) {
    std::int64_t copied = -1;  // where the line before has come from, when it can be copied
    for (std::int64_t row = begin; row < end; ++row) {
      std::int64_t start = 0;
      std::int64_t step = 1;
      std::int64_t rest = row;
      bool outside = false;
      for (std::size_t d = last; d > 0; --d) {
        const AxisTable& table = bound.tables[d - 1];
        const auto place = static_cast<std::size_t>(rest % table.out);
        rest /= table.out;
        start += table.index[place] * step;
        step *= table.in;
        outside = outside || (!table.outside.empty() && table.outside[place] != 0);
      }
      const T* from = x + start * line.in * inner;
      T* to = y + row * line.out * inner;
      if (start == copied && !outside) {
        std::copy_n(to - line.out * inner, line.out * inner, to);
        continue;
      }
      copied = outside ? -1 : start;
      if (inner == 1 && !outside && line.outside.empty()) {
        std::ranges::transform(line.index, to, [&](std::int64_t at) { return from[at]; });
        continue;
      }
      for (std::int64_t place = 0; place < line.out; ++place) {
        const auto at = static_cast<std::size_t>(place);
        if (outside || (!line.outside.empty() && line.outside[at] != 0)) {
          std::fill_n(to + place * inner, inner, fill);
        } else {
          std::copy_n(from + line.index[at] * inner, inner, to + place * inner);
        }
      }
    }
  });
}

// The innermost axis, two taps a place: x [outer, in] to y [outer, out].
template <class T>
void run_innermost(const AxisTable& table, T fill, const T* x, T* y, std::int64_t outer) {
  parallel_for(outer, 1 + 8'192 / table.out, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* from = x + row * table.in;
      T* to = y + row * table.out;
      for (std::int64_t place = 0; place < table.out; ++place) {
        const auto at = static_cast<std::size_t>(2 * place);
        const T first = static_cast<T>(table.weight[at]);
        const T second = static_cast<T>(table.weight[at + 1]);
        const bool outside =
            !table.outside.empty() && table.outside[static_cast<std::size_t>(place)] != 0;
        // What has no part in it may be a NaN.
        const T a = first != 0 ? first * from[table.index[at]] : T{0};
        const T b = second != 0 ? second * from[table.index[at + 1]] : T{0};
        to[place] = outside ? fill : a + b;
      }
    }
  });
}

// One axis: x [outer, in, inner] to y [outer, out, inner].
template <class T>
void run_pass(
    const AxisTable& table, T fill, const T* x, T* y, std::int64_t outer, std::int64_t inner) {
  const std::int64_t taps = table.taps;
  if (taps == 2 && inner == 1) {
    return run_innermost(table, fill, x, y, outer);
  }
  parallel_for(
      outer * table.out, 1 + 16'384 / (taps * inner), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t place = row % table.out;
          const T* from = x + row / table.out * table.in * inner;
          T* to = y + row * inner;
          const bool outside =
              !table.outside.empty() && table.outside[static_cast<std::size_t>(place)] != 0;
          if (const auto at = static_cast<std::size_t>(2 * place);
              taps == 2 && !outside && table.weight[at] != 0 && table.weight[at + 1] != 0) {
            const T* a = from + table.index[at] * inner;
            const T* b = from + table.index[at + 1] * inner;
            const T first = static_cast<T>(table.weight[at]);
            const T second = static_cast<T>(table.weight[at + 1]);
            for (std::int64_t i = 0; i < inner; ++i) {
              to[i] = first * a[i] + second * b[i];
            }
            continue;
          }
          std::fill_n(to, inner, outside ? fill : T{0});
          for (std::int64_t t = 0; !outside && t < taps; ++t) {
            const auto at = static_cast<std::size_t>(place * taps + t);
            const T weight = static_cast<T>(table.weight[at]);
            if (weight != 0) {  // what has no part in it may be a NaN
              const T* tap = from + table.index[at] * inner;
              for (std::int64_t i = 0; i < inner; ++i) {
                to[i] += weight * tap[i];
              }
            }
          }
        }
      });
}

template <class T>
T whole(double value) {
  if constexpr (std::is_integral_v<T>) {
    constexpr auto kLow = static_cast<double>(std::numeric_limits<T>::lowest());
    constexpr auto kHigh = static_cast<double>(std::numeric_limits<T>::max());
    return value >= kHigh ? std::numeric_limits<T>::max()
           : value > kLow ? static_cast<T>(value)
                          : std::numeric_limits<T>::lowest();
  } else {
    return static_cast<T>(value);
  }
}

template <class T>
void run_weighted(const ResizeParams& params, const ResizeBound& bound, KernelContext& context) {
  using Sum = std::conditional_t<std::is_same_v<T, float>, float, double>;
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  // NOLINTNEXTLINE: scratch is aligned to 64.
  Sum* const first = reinterpret_cast<Sum*>(context.scratch().data());
  Sum* buffers[] = {first, first + bound.buffer};
  constexpr bool kSame = std::is_same_v<T, Sum>;  // no copies at either end
  const Sum* from = buffers[0];
  if constexpr (kSame) {
    from = x.as<T>().data();
  } else {
    std::ranges::transform(x.as<T>(), buffers[0], [](T value) { return static_cast<Sum>(value); });
  }
  Shape extents;
  for (const AxisTable& table : bound.tables) {
    extents.push_back(table.in);
  }
  for (const std::size_t axis : bound.passes) {
    const std::int64_t inner = product(extents, axis + 1, extents.size());
    Sum* to = buffers[1];
    if constexpr (kSame) {
      to = axis == bound.passes.back() ? y.mut<T>().data() : to;
    }
    run_pass<Sum>(bound.tables[axis],
                  static_cast<Sum>(params.rule.extrapolation),
                  from,
                  to,
                  product(extents, 0, axis),
                  inner);
    extents[axis] = bound.tables[axis].out;
    from = to;
    std::swap(buffers[0], buffers[1]);
  }
  if constexpr (kSame) {
    if (bound.passes.empty()) {
      copy_elements(x, y);
    }
  } else {
    std::transform(from, from + y.count, y.mut<T>().data(), [](Sum value) {
      return whole<T>(static_cast<double>(value));
    });
  }
}

Result<void> run_resize(const ResizeParams& params,
                        const ResizeBound& bound,
                        KernelContext& context) {
  const TensorView& x = context.input(0);
  if (context.output(0).count == 0) {
    return {};
  }
  if (params.rule.mode == ResizeMode::nearest) {
    dispatch_element(x.datatype, [&](auto* tag) {
      run_nearest<std::remove_pointer_t<decltype(tag)>>(params, bound, context);
    });
    return {};
  }
  dispatch_number(x.datatype,
                  [&](auto tag) { run_weighted<decltype(tag)>(params, bound, context); });
  return {};
}

}  // namespace

void register_resize(Registry& registry) {
  registry.add({.name = "Resize",
                .since = {10, 11, 13, 18, 19},
                .arity = {1, 4, 1},
                .kernel = bound_kernel<parse_resize, infer_resize, bind_resize, run_resize>(),
                .layout = LayoutRule::follow,
                .tame = true});
  registry.add({.name = "Upsample",
                .since = {1, 7, 9, 10},
                .lacks = {10},  // where it ends: Resize has taken its place
                .arity = {1, 2, 1},
                .kernel = bound_kernel<parse_upsample, infer_resize, bind_resize, run_resize>(),
                .layout = LayoutRule::follow,
                .tame = true});
}

}  // namespace sluice::engine
