#include "worker/ops/quant/integer_image.h"

#include <algorithm>
#include <limits>

#include "worker/engine/parallel.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/types.h"

namespace sluice::engine {

using simd::kPanel;

namespace {

// The offset of every place of `extents` (row-major) in `around`, a step of `steps` apart.
void append_offsets(const Shape& extents,
                    const Shape& steps,
                    const Shape& around,
                    std::int64_t base,
                    std::vector<std::int32_t>& offsets) {
  const std::int64_t count = product(extents, 0, extents.size());
  for (std::int64_t place = 0; place < count; ++place) {
    std::int64_t rest = place;
    std::int64_t at = base;
    std::int64_t stride = 1;
    for (std::size_t d = extents.size(); d > 0; --d) {
      at += rest % extents[d - 1] * steps[d - 1] * stride;
      rest /= extents[d - 1];
      stride *= around[d - 1];
    }
    offsets.push_back(static_cast<std::int32_t>(at));
  }
}

}  // namespace

Result<PaddedImage> padded_image(const Window& window, Dims in, std::int64_t channels) {
  PaddedImage image{.channels = channels, .in = {in.begin(), in.end()}};
  for (std::size_t d = 0; d < in.size(); ++d) {
    const std::int64_t before = window.pads_begin[d];
    const std::int64_t seen =
        (window.out[d] - 1) * window.strides[d] + (window.kernel[d] - 1) * window.dilations[d] + 1;
    image.begin.push_back(before);
    image.padded.push_back(std::max(seen, before + in[d]));
  }
  image.area = product(image.padded, 0, image.padded.size());
  image.places = product(window.out, 0, window.out.size());
  if (image.area > std::numeric_limits<std::int32_t>::max() / std::max<std::int64_t>(channels, 1)) {
    return Error{ErrorCode::resource_exhausted,
                 "an image of " + to_string(in) + " and " + std::to_string(channels) +
                     " channels is too large"};
  }
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    append_offsets(window.kernel, window.dilations, image.padded, channel * image.area, image.taps);
  }
  image.pairs = (static_cast<std::int64_t>(image.taps.size()) + 1) / 2;
  image.taps.resize(static_cast<std::size_t>(2 * image.pairs), 0);  // its weight is 0
  append_offsets(window.out, window.strides, image.padded, 0, image.starts);
  image.starts.resize(static_cast<std::size_t>(image.panels() * kPanel),
                      image.starts.empty() ? 0 : image.starts.back());
  for (std::int64_t panel = 0; panel < image.panels(); ++panel) {
    const auto begin = image.starts.begin() + panel * kPanel;
    image.together.push_back(
        std::adjacent_find(begin, begin + kPanel, [](std::int32_t a, std::int32_t b) {
          return b != a + 1;
        }) == begin + kPanel);
  }
  return image;
}

void pad_image(const PaddedImage& image,
               const TensorView& x,
               std::int64_t first,
               std::int64_t channels,
               std::int32_t zero,
               std::int16_t* to) {
  const std::size_t rank = image.in.size();
  const std::int64_t width = image.in[rank - 1];
  const std::int64_t rows = product(image.in, 0, rank - 1);
  parallel_for(channels, 1 + 32'768 / (image.area + 1), [&](std::int64_t begin, std::int64_t end) {
    if (image.padded != image.in) {
      std::fill_n(to + begin * image.area, (end - begin) * image.area, std::int16_t{0});
    }
    for (std::int64_t line = begin * rows; line < end * rows; ++line) {
      std::int64_t rest = line % rows;
      std::int64_t stride = image.padded[rank - 1];
      std::int64_t at = line / rows * image.area + image.begin[rank - 1];
      for (std::size_t d = rank - 1; d > 0; --d) {
        at += (rest % image.in[d - 1] + image.begin[d - 1]) * stride;
        rest /= image.in[d - 1];
        stride *= image.padded[d - 1];
      }
      widen(x, first + line * width, width, zero, to + at);
    }
  });
}

void fill_panel(const PaddedImage& image,
                const std::int16_t* from,
                std::int64_t panel,
                std::int16_t* to) {
  const std::int32_t* const starts = image.starts.data() + panel * kPanel;
  const std::int32_t* const taps = image.taps.data();
  const std::int16_t* const first = from + starts[0];
  if (image.together[static_cast<std::size_t>(panel)]) {
    for (std::int64_t pair = 0; pair < image.pairs; ++pair) {
      interleave(
          first + taps[2 * pair], first + taps[2 * pair + 1], kPanel, to + pair * 2 * kPanel);
    }
    return;
  }
  for (std::int64_t pair = 0; pair < image.pairs; ++pair) {
    const std::int16_t* const even = from + taps[2 * pair];
    const std::int16_t* const odd = from + taps[2 * pair + 1];
    std::int16_t* const at = to + pair * 2 * kPanel;
    for (std::int64_t i = 0; i < kPanel; ++i) {
      at[2 * i] = even[starts[i]];
      at[2 * i + 1] = odd[starts[i]];
    }
  }
}

}  // namespace sluice::engine
