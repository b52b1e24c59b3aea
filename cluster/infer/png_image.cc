#include "cluster/infer/png_image.h"

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <png.h>

#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

// Frees what libpng holds for a picture, whichever way it ends.
class PngImage {
 public:
  PngImage() { image_.version = PNG_IMAGE_VERSION; }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
  ~PngImage() { png_image_free(&image_); }

  png_image* operator->() noexcept { return &image_; }
  png_image* get() noexcept { return &image_; }

 private:
  png_image image_{};
};

std::string size_text(std::int64_t width, std::int64_t height) {
  const auto extent = [](std::int64_t n) { return n < 0 ? "any" : std::to_string(n); };
  return extent(width) + "x" + extent(height);
}

Result<std::vector<png_byte>> decode(PngImage& image, const ImageLayout& layout) {
  image->format = layout.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const std::size_t size =
      std::size_t{image->width} * image->height * static_cast<std::size_t>(layout.channels);
  if (size > limits::kHttpBodyBytes) {
    return Error{ErrorCode::resource_exhausted, "the picture is larger than a request may be"};
  }
  std::vector<png_byte> pixels(size);
  const png_color black{};
  if (png_image_finish_read(image.get(), &black, pixels.data(), 0, nullptr) == 0) {
    return Error{ErrorCode::data_corrupt, std::string("bad PNG: ") + image->message};
  }
  return pixels;
}

// Position of channel c of pixel p in the tensor of `count` pixels.
std::size_t place_of(const ImageLayout& layout, std::size_t count, std::size_t p, std::size_t c) {
  const auto channels = static_cast<std::size_t>(layout.channels);
  return layout.channels_last ? p * channels + c : c * count + p;
}

Buffer pack(const std::vector<png_byte>& pixels, const ImageLayout& layout, DataType datatype) {
  const auto channels = static_cast<std::size_t>(layout.channels);
  const std::size_t count = pixels.size() / channels;
  MutableBuffer data(pixels.size() * element_size(datatype));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t at = place_of(layout, count, i / channels, i % channels);
    if (datatype == DataType::uint8) {
      std::memcpy(data.data() + at, &pixels[i], 1);
      continue;
    }
    const float value = static_cast<float>(pixels[i]) / 255.0F;
    std::memcpy(data.data() + at * sizeof(float), &value, sizeof(float));
  }
  return std::move(data).freeze();
}

}  // namespace

Result<ImageLayout> image_layout(const ValueInfo& input) {
  const Shape& shape = input.shape;
  const std::size_t rank = shape.size();
  const auto is_channels = [](std::int64_t extent) { return extent == 1 || extent == 3; };
  std::optional<ImageLayout> layout;
  std::size_t used = 0;
  if (rank >= 3 && is_channels(shape[rank - 3])) {
    layout =
        ImageLayout{shape[rank - 2], shape[rank - 1], static_cast<int>(shape[rank - 3]), false};
    used = 3;
  } else if (rank >= 3 && is_channels(shape[rank - 1])) {
    layout = ImageLayout{shape[rank - 3], shape[rank - 2], static_cast<int>(shape[rank - 1]), true};
    used = 3;
  } else if (rank == 2 || rank == 3) {
    layout = ImageLayout{shape[rank - 2], shape[rank - 1], 1, false};
    used = 2;
  }
  bool one_picture = layout.has_value();
  for (std::size_t i = 0; i + used < rank; ++i) {
    one_picture = one_picture && (shape[i] < 0 || shape[i] == 1);
  }
  const bool holds_pixels =
      input.datatype == DataType::float32 || input.datatype == DataType::uint8;
  if (!one_picture || !holds_pixels) {
    return Error{ErrorCode::invalid_argument,
                 "input '" + input.name + "' is " + std::string(name_of(input.datatype)) +
                     to_string(shape) +
                     ": not one picture of float32 or uint8 with 1 or 3 channels"};
  }
  return *layout;
}

Result<NamedTensor> tensor_from_png(const Buffer& file, const ValueInfo& input) {
  SLUICE_TRY_ASSIGN(const ImageLayout layout, image_layout(input));
  PngImage image;
  if (png_image_begin_read_from_memory(image.get(), file.data(), file.size()) == 0) {
    return Error{ErrorCode::data_corrupt, std::string("bad PNG: ") + image->message};
  }
  const std::int64_t width = image->width;
  const std::int64_t height = image->height;
  if ((layout.width >= 0 && layout.width != width) ||
      (layout.height >= 0 && layout.height != height)) {
    return Error{ErrorCode::invalid_argument,
                 "the picture is " + size_text(width, height) + " pixels, input '" + input.name +
                     "' wants " + size_text(layout.width, layout.height)};
  }
  SLUICE_TRY_ASSIGN(const std::vector<png_byte> pixels, decode(image, layout));
  Shape shape = input.shape;
  const std::size_t rank = shape.size();
  const std::size_t last = layout.channels_last ? 1 : 0;
  shape[rank - 1 - last] = width;
  shape[rank - 2 - last] = height;
  for (std::int64_t& extent : shape) {
    extent = extent < 0 ? 1 : extent;
  }
  return NamedTensor{input.name, input.datatype, shape, pack(pixels, layout, input.datatype)};
}

}  // namespace sluice::cluster
