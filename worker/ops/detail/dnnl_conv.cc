#include "worker/ops/detail/dnnl_conv.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/ops/detail/dnnl_common.h"

namespace sluice::engine::detail {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

// How oneDNN is given images; ours are channels-last.
enum class Order : std::uint8_t {
  channels_last,
  blocked,  // 8 channels at a time
  plain,
};

Tag image_tag(Order order, std::size_t rank) {
  constexpr Tag kTags[][3] = {{Tag::nwc, Tag::nhwc, Tag::ndhwc},
                              {Tag::nCw8c, Tag::nChw8c, Tag::nCdhw8c},
                              {Tag::ncw, Tag::nchw, Tag::ncdhw}};
  return kTags[static_cast<std::size_t>(order)][rank - 3];
}

// oneDNN's AVX2 kernels lose a third of their speed over channels-last rows that leave the first
// cache: 50 to 64 GFLOP/s where blocks give 87 (64 and 128 channels, 161 and 224 columns, Zen 3).
// The order must not depend on anything but the shape, so that answers do not.
Order order_for(const ConvSpec& spec) {
  constexpr std::int64_t kRowsBytes = 96 * 1024;
  const std::size_t rank = spec.x_dims.size();
  if (rank != 4 || spec.group != 1 || spec.tail.residual || spec.x_dims[1] % 8 != 0 ||
      spec.y_dims[1] % 8 != 0 || spec.w_dims[2] < 2 || spec.w_dims[3] < 2 ||
      dnnl::get_effective_cpu_isa() != dnnl::cpu_isa::avx2) {
    return Order::channels_last;
  }
  const std::int64_t rows =
      spec.w_dims[2] * spec.x_dims[3] * spec.x_dims[1] * std::int64_t{sizeof(float)};
  return rows > kRowsBytes ? Order::blocked : Order::channels_last;
}

// Without trailing dimensions of one place, which say nothing and which oneDNN's kernels, made for
// rows, do badly. (Grouped ones do badly without.)
ConvSpec without_single_places(ConvSpec spec) {
  while (spec.group == 1 && spec.x_dims.size() > 3 && spec.x_dims.back() == 1 &&
         spec.w_dims.back() == 1 && spec.y_dims.back() == 1 && spec.pads_begin.back() == 0 &&
         spec.pads_end.back() == 0) {
    for (Shape* dims : {&spec.x_dims,
                        &spec.w_dims,
                        &spec.y_dims,
                        &spec.strides,
                        &spec.dilations,
                        &spec.pads_begin,
                        &spec.pads_end}) {
      dims->pop_back();
    }
  }
  return spec;
}

Tag weight_tag(std::size_t rank, bool grouped) {
  constexpr Tag kPlain[] = {Tag::oiw, Tag::oihw, Tag::oidhw};
  constexpr Tag kGrouped[] = {Tag::goiw, Tag::goihw, Tag::goidhw};
  return (grouped ? kGrouped : kPlain)[rank - 3];
}

// [M, C/g, k...] as [g, M/g, C/g, k...] where there are groups.
Shape weight_dims(const ConvSpec& spec) {
  Shape dims = spec.w_dims;
  if (spec.group > 1) {
    dims[0] /= spec.group;
    dims.insert(dims.begin(), spec.group);
  }
  return dims;
}

// Whether some place's window leaves the image at both ends of a row.
bool leaves_at_both_ends(const ConvSpec& spec) {
  const std::int64_t reach = (spec.w_dims.back() - 1) * spec.dilations.back();
  std::int64_t first = -spec.pads_begin.back();
  for (std::int64_t place = 0; place < spec.y_dims.back() && first < 0; ++place) {
    if (first + reach >= spec.x_dims.back()) {
      return true;
    }
    first += spec.strides.back();
  }
  return false;
}

// brgconv of oneDNN 2.6.3 leaves places unwritten whose window leaves the image at both ends
// (kernel 5, dilation 2 and padding 4 over a row of 7: the fourth), so it is passed over there.
dnnl::convolution_forward::primitive_desc describe_convolution(const ConvSpec& spec,
                                                               const Desc& weights,
                                                               Order order) {
  const Tag tag = image_tag(order, spec.x_dims.size());
  const Desc x(spec.x_dims, kF32, tag);
  const Desc y(spec.y_dims, kF32, tag);
  const Desc bias(Shape{spec.w_dims[0]}, kF32, Tag::a);
  Shape dilations = spec.dilations;
  for (std::int64_t& dilation : dilations) {
    --dilation;  // oneDNN counts the skipped places
  }
  constexpr auto kKind = dnnl::prop_kind::forward_inference;
  constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::desc wanted =
      spec.has_bias ? dnnl::convolution_forward::desc(kKind,
                                                      kAlgorithm,
                                                      x,
                                                      weights,
                                                      bias,
                                                      y,
                                                      spec.strides,
                                                      dilations,
                                                      spec.pads_begin,
                                                      spec.pads_end)
                    : dnnl::convolution_forward::desc(kKind,
                                                      kAlgorithm,
                                                      x,
                                                      weights,
                                                      y,
                                                      spec.strides,
                                                      dilations,
                                                      spec.pads_begin,
                                                      spec.pads_end);
  dnnl::convolution_forward::primitive_desc chosen(wanted, attributes_for(spec.tail), cpu_engine());
  // While `wanted` is there: oneDNN looks at it again.
  while (leaves_at_both_ends(spec) &&
         std::string_view(chosen.impl_info_str()).starts_with("brgconv")) {
    if (!chosen.next_impl()) {
      throw dnnl::error(dnnl_unimplemented, "no other implementation");
    }
  }
  return chosen;
}

struct Described {
  dnnl::convolution_forward::primitive_desc convolution;
  Order order = Order::channels_last;
};

// Throws where there is no implementation but the one for tests. Few kernels take everything in
// channels-last order; the others are asked next.
Described describe(const ConvSpec& spec) {
  const Desc weights(weight_dims(spec), kF32, Tag::any);
  const Order order = order_for(spec);
  try {
    return {describe_convolution(spec, weights, order), order};
  } catch (const dnnl::error&) {
    if (spec.tail.residual) {
      throw;
    }
    return {describe_convolution(spec, weights, Order::plain), Order::plain};
  }
}

Desc image_desc(const Shape& dims, Order order) {
  return {dims, kF32, image_tag(order, dims.size())};
}

std::size_t aligned(std::size_t size) {
  return (size + 63) / 64 * 64;
}

Desc plain_weights(const ConvSpec& spec) {
  return {weight_dims(spec), kF32, weight_tag(spec.w_dims.size(), spec.group > 1)};
}

bool is_depthwise(const ConvSpec& spec) {
  return spec.group > 1 && spec.w_dims[0] == spec.group && spec.w_dims[1] == 1;
}

BoundPrimitive reordering(const Desc& from, const Desc& to) {
  const dnnl::reorder::primitive_desc described(cpu_engine(), from, cpu_engine(), to);
  const BoundPrimitive::Argument arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  return {dnnl::reorder(described), arguments};
}

}  // namespace

struct PackedFilter::Impl {
  Desc desc;
  dnnl::memory memory;
};

std::shared_ptr<const PackedFilter> PackedFilter::make(const ConvSpec& given, const float* w) {
  try {
    const ConvSpec typical = without_single_places(given);
    const auto chosen = describe(typical).convolution;
    // "x64:gemm:jit", "ref:any"; those that multiply in place are "jit..." and "brg...".
    const std::string_view how = chosen.impl_info_str();
    const bool slow = how.find("gemm:") != std::string_view::npos || how.starts_with("ref");
    if ((is_depthwise(typical) || typical.group == 1) && slow) {
      return nullptr;  // a product for each channel, or taps gathered: ours are faster
    }
    const Desc desc = chosen.weights_desc();
    auto filter = std::make_shared<PackedFilter>();
    filter->impl_ = std::make_shared<Impl>(
        Impl{.desc = desc, .memory = reordered(w, plain_weights(typical), desc)});
    return filter;
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

// Scratch: oneDNN's own, then the images in its order, where that is not ours.
struct Convolution::Impl {
  std::optional<BoundPrimitive> primitive;
  std::optional<BoundPrimitive> bring_x;
  std::optional<BoundPrimitive> take_y;
  std::optional<BoundPrimitive> pack;  // a run's weights, into `own_filter`
  std::shared_ptr<const PackedFilter> filter;
  dnnl::memory own_filter;  // where the shared order does not fit
  void* weights = nullptr;
  bool has_bias = false;
  std::size_t x_at = 0;
  std::size_t y_at = 0;
  std::size_t scratch_size = 0;

  void bind(const ConvSpec& spec, const Described& chosen);
  void bring(const ConvSpec& spec, const Described& chosen);
};

void Convolution::Impl::bring(const ConvSpec& spec, const Described& chosen) {
  const Desc x = chosen.convolution.src_desc();
  const Desc y = chosen.convolution.dst_desc();
  bring_x.emplace(reordering(image_desc(spec.x_dims, Order::channels_last), x));
  take_y.emplace(reordering(y, image_desc(spec.y_dims, Order::channels_last)));
  x_at = aligned(scratch_size);
  y_at = x_at + aligned(x.get_size());
  scratch_size = y_at + y.get_size();
}

void Convolution::Impl::bind(const ConvSpec& spec, const Described& described) {
  const auto& chosen = described.convolution;
  std::vector<BoundPrimitive::Argument> arguments{{DNNL_ARG_SRC, chosen.src_desc()},
                                                  {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
                                                  {DNNL_ARG_DST, chosen.dst_desc()},
                                                  {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}};
  if (spec.has_bias) {
    arguments.push_back({DNNL_ARG_BIAS, chosen.bias_desc()});
  }
  has_bias = spec.has_bias;
  scratch_size = chosen.scratchpad_desc().get_size();
  primitive.emplace(dnnl::convolution_forward(chosen), arguments);
  if (described.order != Order::channels_last) {
    bring(spec, described);
  }
}

std::shared_ptr<Convolution> Convolution::make(const ConvSpec& given,
                                               std::shared_ptr<const PackedFilter> filter) {
  try {
    const ConvSpec spec = without_single_places(given);
    auto impl = std::make_shared<Impl>();
    impl->filter = std::move(filter);
    const PackedFilter::Impl& packed = impl->filter->impl();
    const Described described = describe(spec);
    const Desc wanted = described.convolution.weights_desc();
    // The image that they were packed for may have had single places, or this one alone.
    const Desc had = packed.desc.dims().size() == wanted.dims().size()
                         ? packed.desc
                         : packed.desc.reshape(wanted.dims());
    impl->weights = packed.memory.get_data_handle();
    if (wanted != had) {
      impl->own_filter = reordered(impl->weights, had, wanted);
      impl->weights = impl->own_filter.get_data_handle();
    }
    impl->bind(spec, described);
    auto convolution = std::make_shared<Convolution>();
    convolution->impl_ = std::move(impl);
    return convolution;
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

std::shared_ptr<Convolution> Convolution::make_unpacked(const ConvSpec& given) {
  try {
    const ConvSpec spec = without_single_places(given);
    const Described described = describe(spec);
    const std::string_view how = described.convolution.impl_info_str();
    if (how.starts_with("ref") || (is_depthwise(spec) && how.find("gemm:") != how.npos)) {
      return nullptr;
    }
    auto impl = std::make_shared<Impl>();
    const Desc wanted = described.convolution.weights_desc();
    impl->own_filter = dnnl::memory(wanted, cpu_engine());
    impl->weights = impl->own_filter.get_data_handle();
    impl->pack.emplace(reordering(plain_weights(spec), wanted));
    impl->bind(spec, described);
    auto convolution = std::make_shared<Convolution>();
    convolution->impl_ = std::move(impl);
    return convolution;
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

void Convolution::pack(const float* w) {
  // oneDNN takes inputs as void*, and only reads them.
  impl_->pack->run(std::array{static_cast<void*>(const_cast<float*>(w)), impl_->weights});
}

const char* Convolution::implementation() const {
  return impl_->primitive->implementation();
}

std::size_t Convolution::scratch_size() const {
  return impl_->scratch_size;
}

void Convolution::run(const float* x, const float* bias, float* y, std::byte* scratch) {
  // oneDNN takes inputs as void*, and only reads them.
  void* from = const_cast<float*>(x);
  void* to = y;
  if (impl_->bring_x) {
    void* const brought = scratch + impl_->x_at;
    impl_->bring_x->run(std::array{from, brought});
    from = brought;
    to = scratch + impl_->y_at;
  }
  void* const addresses[] = {from, impl_->weights, to, scratch, const_cast<float*>(bias)};
  impl_->primitive->run(std::span(addresses).first(impl_->has_bias ? 5 : 4));
  if (impl_->take_y) {
    impl_->take_y->run(std::array{to, static_cast<void*>(y)});
  }
}

}  // namespace sluice::engine::detail
