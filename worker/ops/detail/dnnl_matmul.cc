#include "worker/ops/detail/dnnl_matmul.h"

#include <optional>
#include <string_view>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/detail/dnnl_common.h"

namespace sluice::engine::detail {
namespace {

using Desc = dnnl::memory::desc;
constexpr auto kF32 = dnnl::memory::data_type::f32;

// Row-major strides of `dims`; of its transpose in the last two when `transposed`.
Desc strided(const Shape& dims, bool transposed) {
  Shape strides(dims.size(), 1);
  const std::size_t rank = dims.size();
  std::int64_t stride = 1;
  for (std::size_t i = rank; i > 0; --i) {
    const std::size_t at = !transposed || i < rank - 1 ? i - 1 : i == rank ? rank - 2 : rank - 1;
    strides[at] = stride;
    stride *= dims[at];
  }
  return {dims, kF32, strides};
}

// By those strides where there are some.
Desc strided(const Shape& dims, bool transposed, const Shape& strides) {
  return strides.empty() ? strided(dims, transposed) : Desc(dims, kF32, strides);
}

// Whether it is "gemm:jit" or the like: a product that packs both matrices in each run, and cuts
// them as the number of rows and of threads suggests, so that the last bits hang on both. oneDNN
// has nothing better where it has no AVX-512.
bool by_gemm(std::string_view implementation) {
  return implementation.starts_with("gemm") || implementation.find(":gemm") != std::string::npos;
}

bool by_reference(std::string_view implementation) {
  return implementation.starts_with("ref");
}

}  // namespace

struct Matmul::Impl {
  std::optional<BoundPrimitive> primitive;
  bool has_bias = false;
  std::size_t scratch_size = 0;
  // By panels.
  std::shared_ptr<const PanelMatrix> panels;
  std::int64_t rows = 0;
  bool a_transposed = false;
  Tail tail{};
};

std::shared_ptr<Matmul> Matmul::make(const MatmulSpec& spec) {
  auto matmul = std::make_shared<Matmul>();
  matmul->impl_ = std::make_shared<Impl>();
  matmul->impl_->has_bias = spec.has_bias;
  if (spec.packed != nullptr) {
    SLUICE_CHECK(spec.a_dims.size() == 2);
    matmul->impl_->panels = spec.packed;
    matmul->impl_->rows = spec.c_dims[0];
    matmul->impl_->a_transposed = spec.a_transposed;
    matmul->impl_->tail = spec.tail;
    return matmul;
  }
  try {
    const Desc a = strided(spec.a_dims, spec.a_transposed, spec.a_strides);
    const Desc b = strided(spec.b_dims, spec.b_transposed, spec.b_strides);
    const Desc c = strided(spec.c_dims, false, spec.c_strides);
    Shape bias_dims(spec.c_dims.size(), 1);
    bias_dims.back() = spec.c_dims.back();
    const Desc bias = strided(bias_dims, false);
    const dnnl::matmul::desc wanted =
        spec.has_bias ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
    const dnnl::matmul::primitive_desc chosen(wanted, attributes_for(spec.tail), cpu_engine());
    std::vector<BoundPrimitive::Argument> arguments{
        {DNNL_ARG_SRC, a},
        {DNNL_ARG_WEIGHTS, b},
        {DNNL_ARG_DST, c},
        {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}};
    if (spec.has_bias) {
      arguments.push_back({DNNL_ARG_BIAS, bias});
    }
    if (by_gemm(chosen.impl_info_str()) || by_reference(chosen.impl_info_str())) {
      return nullptr;
    }
    matmul->impl_->primitive.emplace(dnnl::matmul(chosen), arguments);
    matmul->impl_->scratch_size = chosen.scratchpad_desc().get_size();
    return matmul;
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

const char* Matmul::implementation() const {
  return impl_->primitive ? impl_->primitive->implementation() : "panels";
}

namespace {

// oneDNN's calls on this thread use no other.
class OneThread {
 public:
  OneThread() { set_team_size(1); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() { set_team_size(before_); }

 private:
  int before_ = team_size();
};

}  // namespace

bool multiply_alone(const GemmShape& shape, const float* a, const float* b, float* c) {
  const auto& [m, n, k, a_transposed, b_transposed] = shape;
  const OneThread one;
  return dnnl::sgemm(a_transposed ? 'T' : 'N',
                     b_transposed ? 'T' : 'N',
                     m,
                     n,
                     k,
                     1.0F,
                     a,
                     a_transposed ? m : k,
                     b,
                     b_transposed ? k : n,
                     0.0F,
                     c,
                     n) == dnnl::status::success;
}

std::size_t Matmul::scratch_size() const {
  return impl_->scratch_size;
}

void Matmul::run(const float* a, const float* b, const float* bias, float* c, std::byte* scratch) {
  if (!impl_->primitive) {
    impl_->panels->multiply(
        a, impl_->a_transposed, impl_->rows, impl_->has_bias ? bias : nullptr, impl_->tail, c);
    return;
  }
  // oneDNN takes inputs as void*, and only reads them.
  void* const addresses[] = {
      const_cast<float*>(a), const_cast<float*>(b), c, scratch, const_cast<float*>(bias)};
  impl_->primitive->run(std::span(addresses).first(impl_->has_bias ? 5 : 4));
}

}  // namespace sluice::engine::detail
