#include "worker/ops/quant/integer_image.h"

#include <algorithm>
#include <limits>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/simd/quads.h"
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

// Panels of places one behind the other, or of each row by itself.
void append_panels(const Window& window, bool by_rows, PaddedImage& image) {
  image.firsts.clear();
  image.starts.clear();
  image.together.clear();
  std::vector<std::int32_t> starts;  // by place
  append_offsets(window.out, window.strides, image.padded, 0, starts);
  const std::int64_t row = by_rows ? window.out.back() : image.places;
  for (std::int64_t place = 0; place < image.places;) {
    const std::int64_t count = std::min(kPanel, row - place % row);
    const std::int32_t* const begin = starts.data() + place;
    bool together = true;
    for (std::int64_t i = 0; i < kPanel; ++i) {
      image.starts.push_back(begin[std::min(i, count - 1)]);
      together = together && (i >= count || begin[i] == begin[0] + i);
    }
    image.firsts.push_back(place);
    image.together.push_back(together);
    place += count;
  }
  image.firsts.push_back(image.places);
}

// Rows are worth panels that are not full, because reading what does not lie together costs more
// than multiplying it.
void choose_panels(const Window& window, PaddedImage& image) {
  append_panels(window, false, image);
  const std::int64_t width = window.out.empty() ? 0 : window.out.back();
  const bool all = std::ranges::find(image.together, false) == image.together.end();
  if (all || window.strides.back() != 1) {
    return;
  }
  const std::int64_t by_rows = image.places / width * ((width + kPanel - 1) / kPanel);
  if (by_rows <= 2 * image.panels()) {
    append_panels(window, true, image);
  }
}

template <class T>
void put(const ImagePart& part, std::int64_t first, std::int64_t count, std::int32_t less, T* to) {
  const auto from = [&](const auto* x) {
    for (std::int64_t i = 0; i < count; ++i) {
      to[i] = static_cast<T>(x[i] - less);
    }
  };
  if (part.x.datatype == DataType::int8) {
    from(part.x.as<std::int8_t>().data() + first);
  } else {
    from(part.x.as<std::uint8_t>().data() + first);
  }
}

template <class T>
void pad_image_as(const PaddedImage& image, const ImagePart& part, T* to) {
  constexpr bool kBytes = sizeof(T) == 1;
  const std::int32_t less = kBytes ? part.shift : part.zero;
  const T around = static_cast<T>(kBytes ? part.zero - part.shift : 0);
  const std::size_t rank = image.in.size();
  const std::int64_t width = image.in[rank - 1];
  const std::int64_t rows = product(image.in, 0, rank - 1);
  const std::int64_t channels = part.channels;
  std::fill_n(to + channels * image.area, kPanel, around);
  parallel_for(channels, 1 + 32'768 / (image.area + 1), [&](std::int64_t begin, std::int64_t end) {
    if (image.padded != image.in) {
      std::fill_n(to + begin * image.area, (end - begin) * image.area, around);
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
      put(part, part.first + line * width, width, less, to + at);
    }
  });
}

// Whatever way the places lie.
template <std::int64_t kGroup, class T>
void gather_panel(const PaddedImage& image, const T* from, std::int64_t panel, T* to) {
  const std::int32_t* const starts = image.starts.data() + panel * kPanel;
  for (std::int64_t i = 0; i < image.groups; ++i) {
    const std::int32_t* const taps = image.taps.data() + kGroup * i;
    T* const at = to + i * kGroup * kPanel;
    for (std::int64_t place = 0; place < kPanel; ++place) {
      for (std::int64_t t = 0; t < kGroup; ++t) {
        at[kGroup * place + t] = from[taps[t] + starts[place]];
      }
    }
  }
}

}  // namespace

Result<PaddedImage> padded_image(const Window& window,
                                 Dims in,
                                 std::int64_t channels,
                                 std::int64_t group) {
  PaddedImage image{.channels = channels, .in = {in.begin(), in.end()}, .group = group};
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
  image.groups = (static_cast<std::int64_t>(image.taps.size()) + group - 1) / group;
  image.taps.resize(static_cast<std::size_t>(group * image.groups), 0);  // their weights are 0
  choose_panels(window, image);
  return image;
}

void pad_image(const PaddedImage& image, const ImagePart& part, std::int16_t* to) {
  pad_image_as(image, part, to);
}
void pad_image(const PaddedImage& image, const ImagePart& part, std::int8_t* to) {
  pad_image_as(image, part, to);
}

void fill_panel(const PaddedImage& image,
                const std::int16_t* from,
                std::int64_t panel,
                std::int16_t* to) {
  const std::int32_t* const taps = image.taps.data();
  const std::int16_t* const first = from + image.starts[static_cast<std::size_t>(panel * kPanel)];
  if (!image.together[static_cast<std::size_t>(panel)]) {
    gather_panel<2>(image, from, panel, to);
    return;
  }
  for (std::int64_t i = 0; i < image.groups; ++i) {
    interleave(first + taps[2 * i], first + taps[2 * i + 1], kPanel, to + i * 2 * kPanel);
  }
}
void fill_panel(const PaddedImage& image,
                const std::int8_t* from,
                std::int64_t panel,
                std::int8_t* to) {
  const std::int8_t* const first = from + image.starts[static_cast<std::size_t>(panel * kPanel)];
  if (image.together[static_cast<std::size_t>(panel)]) {
    simd::pack_quads(first, image.taps.data(), image.groups, to);
  } else {
    gather_panel<4>(image, from, panel, to);
  }
}

}  // namespace sluice::engine
