#include "worker/ops/quant/integer_image.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

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

// Panels of `starts`, by place: one behind the other, or of each `row` of them by itself.
void append_panels(const std::vector<std::int32_t>& starts, std::int64_t row, PaddedImage& image) {
  image.firsts.clear();
  image.starts.clear();
  image.together.clear();
  const auto places = static_cast<std::int64_t>(starts.size());
  for (std::int64_t place = 0; place < places;) {
    const std::int64_t count = std::min(kPanel, row - place % row);
    const std::int32_t* const begin = starts.data() + place;
    bool together = true;
    for (std::int64_t i = 0; i < kPanel; ++i) {
      image.starts.push_back(begin[std::min(i, count - 1)]);
      together = together && (i >= count || begin[i] == begin[0] + i * image.apart);
    }
    image.firsts.push_back(place);
    image.together.push_back(together);
    place += count;
  }
  image.firsts.push_back(places);
}

// What does not lie together costs more to read than to multiply: rows are worth panels that are
// not full, and so are places between the ends of rows that nobody asks for.
void choose_panels(const Window& window, PaddedImage& image) {
  std::vector<std::int32_t> starts;
  append_offsets(window.out, window.strides, image.padded, 0, starts);
  image.apart = window.strides.back() == 2 ? 2 : 1;
  append_panels(starts, image.places, image);
  const std::int64_t width = window.out.back();
  const bool all = std::ranges::find(image.together, false) == image.together.end();
  if (all || window.strides.back() > 2) {
    return;
  }
  const std::int64_t by_rows = image.places / width * ((width + kPanel - 1) / kPanel);
  const std::int64_t across = (starts.back() + kPanel) / kPanel;
  if (window.strides == Shape{1, 1} && across < by_rows) {
    starts.resize(static_cast<std::size_t>(starts.back()) + 1);
    std::iota(starts.begin(), starts.end(), 0);
    image.row_step = image.padded.back();
    image.row_places = width;
    append_panels(starts, static_cast<std::int64_t>(starts.size()), image);
  } else if (by_rows <= 2 * image.panels()) {
    append_panels(starts, width, image);
  }
}

// Bytes without a sign as they are, others plus 128.
template <class From>
void put(const From* x, std::int64_t count, std::int32_t less, std::uint8_t* to) {
  constexpr auto kWord = static_cast<std::int64_t>(sizeof(std::uint64_t));
  const std::uint64_t signs = less == 0 ? 0 : 0x8080'8080'8080'8080;
  std::int64_t i = 0;
  for (; i + kWord <= count; i += kWord) {
    std::uint64_t word = 0;
    std::memcpy(&word, x + i, sizeof word);
    word ^= signs;
    std::memcpy(to + i, &word, sizeof word);
  }
  for (; i < count; ++i) {
    to[i] = static_cast<std::uint8_t>(x[i] - less);
  }
}
template <class From>
void put(const From* x, std::int64_t count, std::int32_t less, std::int16_t* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = static_cast<std::int16_t>(x[i] - less);
  }
}

template <class T, class From>
void put_rows(const PaddedImage& image, const ImagePart& part, const From* x, T* to) {
  const std::int32_t less = sizeof(T) == 1 ? part.shift : part.zero;
  const std::int64_t width = image.row_width;
  for (const std::int32_t at : image.row_starts) {
    put(x, width, less, to + at);
    x += width;
  }
}

template <class T>
void pad_image_as(const PaddedImage& image, const ImagePart& part, T* to) {
  const T around = static_cast<T>(sizeof(T) == 1 ? part.zero - part.shift : 0);
  const std::int64_t channels = part.channels;
  const std::int64_t size = product(image.in, 0, image.in.size());
  std::fill_n(to + channels * image.area, 2 * kPanel, around);
  parallel_for(channels, 1 + 32'768 / (image.area + 1), [&](std::int64_t begin, std::int64_t end) {
    if (image.padded != image.in) {
      std::fill_n(to + begin * image.area, (end - begin) * image.area, around);
    }
    for (std::int64_t channel = begin; channel < end; ++channel) {
      const std::int64_t first = part.first + channel * size;
      T* const plane = to + channel * image.area;
      if (part.x.datatype == DataType::int8) {
        put_rows(image, part, part.x.as<std::int8_t>().data() + first, plane);
      } else {
        put_rows(image, part, part.x.as<std::uint8_t>().data() + first, plane);
      }
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
  // Rows of the input where they stand; one, where nothing is around them.
  const std::size_t last = in.size() - 1;
  const bool whole = image.padded == image.in;
  image.row_width = whole ? image.area : in[last];
  Shape rows = whole ? Shape(in.size(), 1) : image.in;
  rows[last] = 1;
  std::int64_t base = 0;
  for (std::size_t d = 0; d < in.size(); ++d) {
    base = base * image.padded[d] + image.begin[d];
  }
  append_offsets(rows, Shape(in.size(), 1), image.padded, base, image.row_starts);
  choose_panels(window, image);
  return image;
}

void pad_image(const PaddedImage& image, const ImagePart& part, std::int16_t* to) {
  pad_image_as(image, part, to);
}
void pad_image(const PaddedImage& image, const ImagePart& part, std::uint8_t* to) {
  pad_image_as(image, part, to);
}

void fill_panel(const PaddedImage& image,
                const std::int16_t* from,
                std::int64_t panel,
                std::int16_t* to) {
  const std::int32_t* const taps = image.taps.data();
  const std::int16_t* const first = from + image.starts[static_cast<std::size_t>(panel * kPanel)];
  if (!image.together[static_cast<std::size_t>(panel)] || image.apart != 1) {
    gather_panel<2>(image, from, panel, to);
    return;
  }
  for (std::int64_t i = 0; i < image.groups; ++i) {
    interleave(first + taps[2 * i], first + taps[2 * i + 1], kPanel, to + i * 2 * kPanel);
  }
}
void fill_panel(const PaddedImage& image,
                const std::uint8_t* from,
                std::int64_t panel,
                std::uint8_t* to) {
  const std::uint8_t* const first = from + image.starts[static_cast<std::size_t>(panel * kPanel)];
  if (image.together[static_cast<std::size_t>(panel)]) {
    simd::pack_quads(first, image.taps.data(), image.groups, image.apart, to);
  } else {
    gather_panel<4>(image, from, panel, to);
  }
}

}  // namespace sluice::engine
