#include "worker/ops/nn/conv_spread.h"

#include <algorithm>
#include <array>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kBlockBytes = 256 * 1024;  // of columns, at a time

// `rows` rows of `columns` places as an image, its places multiplied by themselves.
detail::ConvSpec product_of(std::int64_t channels,
                            std::int64_t results,
                            std::int64_t rows,
                            std::int64_t columns) {
  return {.x_dims = {1, channels, rows, columns},
          .w_dims = {results, channels, 1, 1},
          .y_dims = {1, results, rows, columns},
          .strides = {1, 1},
          .dilations = {1, 1},
          .pads_begin = {0, 0},
          .pads_end = {0, 0}};
}

void add(const float* from, float* to, std::int64_t count) {
  constexpr std::int64_t kWorthACall = 32;
  if (count >= kWorthACall) {
    simd::accumulate(from, to, count);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] += from[i];
  }
}

}  // namespace

std::shared_ptr<const ConvSpread> ConvSpread::make(const TensorView& w) {
  auto made = std::make_shared<ConvSpread>();
  made->channels_ = w.dims[0];
  made->filters_ = w.dims[1];
  made->taps_ = product(w.dims, 2, w.rank());
  const std::int64_t results = made->taps_ * made->filters_;
  // [C, M, taps] as [taps, M, C].
  std::vector<float> turned(static_cast<std::size_t>(w.count));
  const float* from = w.as<float>().data();
  for (std::int64_t c = 0; c < made->channels_; ++c) {
    for (std::int64_t m = 0; m < made->filters_; ++m) {
      for (std::int64_t tap = 0; tap < made->taps_; ++tap) {
        const std::int64_t row = tap * made->filters_ + m;
        turned[static_cast<std::size_t>(row * made->channels_ + c)] = *from++;
      }
    }
  }
  constexpr std::int64_t kLikely = 28;
  made->filter_ = detail::PackedFilter::make(product_of(made->channels_, results, kLikely, kLikely),
                                             turned.data());
  return made->filter_ == nullptr ? nullptr : made;
}

std::shared_ptr<const ConvSpread::Bound> ConvSpread::bind(const Window& window, Dims in) const {
  auto bound = std::make_shared<Bound>();
  bound->window_ = window;
  bound->in_.assign(in.begin(), in.end());
  bound->channels_ = channels_;
  bound->filters_ = filters_;
  bound->taps_ = taps_;
  bound->in_rows_ = product(in, 0, in.size() - 1);
  bound->out_rows_ = product(window.out, 0, in.size() - 1);
  const std::int64_t results = taps_ * filters_;
  const std::int64_t row_bytes = in.back() * results * std::int64_t{sizeof(float)};
  bound->block_ = std::clamp<std::int64_t>(
      kBlockBytes / std::max<std::int64_t>(row_bytes, 1), 1, bound->in_rows_);
  bound->rows_ =
      detail::Convolution::make(product_of(channels_, results, bound->block_, in.back()), filter_);
  const std::int64_t left = bound->in_rows_ % bound->block_;
  if (left > 0) {
    bound->rest_ =
        detail::Convolution::make(product_of(channels_, results, left, in.back()), filter_);
  }
  return bound->rows_ == nullptr || (left > 0 && bound->rest_ == nullptr) ? nullptr : bound;
}

std::size_t ConvSpread::Bound::scratch_size() const {
  const std::size_t columns =
      static_cast<std::size_t>(block_ * in_.back() * taps_ * filters_) * sizeof(float);
  const std::size_t own =
      std::max(rows_->scratch_size(), rest_ == nullptr ? 0 : rest_->scratch_size());
  return (columns + 63) / 64 * 64 + own;
}

// What the places of one line of the image give, for one tap of the other dimensions, to one line
// of the result.
void ConvSpread::Bound::add_line(const float* columns, float* line) const {
  const std::size_t last = in_.size() - 1;
  const std::int64_t kernel = window_.kernel[last];
  const std::int64_t step = taps_ * filters_;
  const std::int64_t out = window_.out[last];
  const bool dense = window_.dilations[last] == 1;
  for (std::int64_t i = 0; i < in_[last]; ++i, columns += step) {
    const std::int64_t first = i * window_.strides[last] - window_.pads_begin[last];
    if (dense) {
      const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, kernel);
      const std::int64_t end = std::clamp<std::int64_t>(out - first, begin, kernel);
      if (begin < end) {
        add(columns + begin * filters_,
            line + (first + begin) * filters_,
            (end - begin) * filters_);
      }
      continue;
    }
    for (std::int64_t tap = 0; tap < kernel; ++tap) {
      const std::int64_t at = first + tap * window_.dilations[last];
      if (at >= 0 && at < out) {
        add(columns + tap * filters_, line + at * filters_, filters_);
      }
    }
  }
}

// What rows [begin, end) of the image give to line `place` of the result.
void ConvSpread::Bound::add_row(std::int64_t place,
                                std::int64_t begin,
                                std::int64_t end,
                                const float* columns,
                                float* y) const {
  const std::size_t last = in_.size() - 1;
  const std::int64_t line_taps = window_.kernel[last];
  float* const line = y + place * window_.out[last] * filters_;
  for (std::int64_t tap = 0; tap < taps_ / line_taps; ++tap) {
    std::int64_t row = 0;
    std::int64_t step = 1;
    std::int64_t left = place;
    std::int64_t taps = tap;
    bool meets = true;
    for (std::size_t d = last; d > 0; --d) {
      const std::int64_t at = left % window_.out[d - 1] + window_.pads_begin[d - 1] -
                              taps % window_.kernel[d - 1] * window_.dilations[d - 1];
      left /= window_.out[d - 1];
      taps /= window_.kernel[d - 1];
      const std::int64_t from = at / window_.strides[d - 1];
      meets = meets && at >= 0 && at % window_.strides[d - 1] == 0 && from < in_[d - 1];
      row += from * step;
      step *= in_[d - 1];
    }
    if (meets && row >= begin && row < end) {
      add_line(columns + ((row - begin) * in_[last] * taps_ + tap * line_taps) * filters_, line);
    }
  }
}

void ConvSpread::Bound::add_rows(std::int64_t begin,
                                 std::int64_t end,
                                 const float* columns,
                                 float* y) const {
  // The lines that these rows can reach: all of them, or along the first of two dimensions.
  std::int64_t first = 0;
  std::int64_t last = out_rows_;
  if (in_.size() == 2) {
    const std::int64_t reach = (window_.kernel[0] - 1) * window_.dilations[0];
    first =
        std::clamp<std::int64_t>(begin * window_.strides[0] - window_.pads_begin[0], 0, out_rows_);
    last = std::clamp<std::int64_t>(
        (end - 1) * window_.strides[0] - window_.pads_begin[0] + reach + 1, first, out_rows_);
  }
  const std::int64_t elements = std::max<std::int64_t>(window_.out.back() * filters_, 1);
  parallel_for(last - first, 1 + 16'384 / elements, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t place = first + from; place < first + to; ++place) {
      add_row(place, begin, end, columns, y);
    }
  });
}

void ConvSpread::Bound::run(const TensorView& x,
                            const float* bias,
                            std::byte* scratch,
                            TensorView& y) const {
  // NOLINTNEXTLINE: scratch is aligned to 64.
  float* const columns = reinterpret_cast<float*>(scratch);
  const std::size_t used = scratch_size() - std::max(rows_->scratch_size(),
                                                     rest_ == nullptr ? 0 : rest_->scratch_size());
  const float* from = x.as<float>().data();
  float* to = y.mut<float>().data();
  const std::int64_t out_size = out_rows_ * window_.out.back() * filters_;
  for (std::int64_t n = 0; n < x.dims[0]; ++n) {
    const std::int64_t line = window_.out.back() * filters_;
    parallel_for(
        out_rows_, 1 + 65'536 / std::max<std::int64_t>(line, 1), [&](auto begin, auto end) {
          for (std::int64_t at = begin * line; at < end * line; at += filters_) {
            bias == nullptr ? std::fill_n(to + at, filters_, 0.0F)
                            : std::copy_n(bias, filters_, to + at);
          }
        });
    for (std::int64_t row = 0; row < in_rows_; row += block_) {
      const std::int64_t end = std::min(row + block_, in_rows_);
      detail::Convolution& product = end - row == block_ ? *rows_ : *rest_;
      product.run(from + row * in_.back() * channels_, nullptr, columns, scratch + used);
      add_rows(row, end, columns, to);
    }
    from += in_rows_ * in_.back() * channels_;
    to += out_size;
  }
}

}  // namespace sluice::engine
