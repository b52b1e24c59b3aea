#include "cluster/infer/png_image.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <png.h>

#include "cluster/infer/elements.h"

namespace sluice::cluster {
namespace {

ValueInfo wanted(Shape shape, DataType datatype = DataType::float32) {
  return {.name = "image", .datatype = datatype, .shape = std::move(shape), .optional = false};
}

// A picture of the given pixels, channels fastest.
Buffer png_of(unsigned width, unsigned height, unsigned format, std::vector<png_byte> pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = format;
  png_alloc_size_t size = 0;
  EXPECT_NE(png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr), 0);
  std::string file(size, '\0');
  EXPECT_NE(png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr), 0);
  return Buffer::copy_of(file);
}

std::vector<double> numbers(const NamedTensor& tensor) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < tensor.data.size() / element_size(tensor.datatype); ++i) {
    numbers.push_back(number_at(tensor, i));
  }
  return numbers;
}

TEST(PngImage, GreyPixelsBecomeZeroToOneRowByRow) {
  const Buffer file = png_of(3, 2, PNG_FORMAT_GRAY, {0, 51, 102, 153, 204, 255});
  const Result<NamedTensor> tensor = tensor_from_png(file, wanted({-1, 1, 2, 3}));
  ASSERT_TRUE(tensor) << tensor.error().detail;
  EXPECT_EQ(tensor->shape, (Shape{1, 1, 2, 3}));
  const std::vector<double> got = numbers(*tensor);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_FLOAT_EQ(static_cast<float>(got[i]), 0.2F * static_cast<float>(i));
  }
}

TEST(PngImage, ColoursAreSplitOrKeptTogetherAsTheShapeSays) {
  const Buffer file = png_of(2, 1, PNG_FORMAT_RGB, {1, 2, 3, 4, 5, 6});
  const auto planes = tensor_from_png(file, wanted({1, 3, -1, -1}, DataType::uint8));
  ASSERT_TRUE(planes) << planes.error().detail;
  EXPECT_EQ(planes->shape, (Shape{1, 3, 1, 2}));
  EXPECT_EQ(numbers(*planes), (std::vector<double>{1, 4, 2, 5, 3, 6}));
  const auto pixels = tensor_from_png(file, wanted({-1, -1, -1, 3}, DataType::uint8));
  ASSERT_TRUE(pixels) << pixels.error().detail;
  EXPECT_EQ(pixels->shape, (Shape{1, 1, 2, 3}));
}

TEST(PngImage, GreyBecomesColourAndTransparentBecomesBlack) {
  const Buffer grey = png_of(1, 1, PNG_FORMAT_GRAY, {9});
  const auto colour = tensor_from_png(grey, wanted({3, 1, 1}, DataType::uint8));
  ASSERT_TRUE(colour) << colour.error().detail;
  EXPECT_EQ(numbers(*colour), (std::vector<double>{9, 9, 9}));
  const Buffer clear = png_of(1, 1, PNG_FORMAT_RGBA, {200, 200, 200, 0});
  const auto black = tensor_from_png(clear, wanted({1, 1}, DataType::uint8));
  ASSERT_TRUE(black) << black.error().detail;
  EXPECT_EQ(numbers(*black), (std::vector<double>{0}));
}

TEST(PngImage, KnowsWhichShapesHoldAPicture) {
  struct Case {
    Shape shape;
    bool fits;
  };
  const Case cases[] = {
      {{28, 28}, true},
      {{-1, 28, 28}, true},
      {{1, 28, 28}, true},
      {{3, 28, 28}, true},
      {{28, 28, 3}, true},
      {{-1, -1, -1, 3}, true},
      {{1, 1, 1, 28, 28}, true},
      {{4, 28, 28}, false},
      {{2, 3, 28, 28}, false},
      {{-1, 2, 28, 28}, false},
      {{28}, false},
      {{}, false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(image_layout(wanted(c.shape)).has_value(), c.fits) << to_string(c.shape);
  }
  EXPECT_FALSE(image_layout(wanted({28, 28}, DataType::int64)));
}

TEST(PngImage, SaysWhichSizeIsWanted) {
  const Buffer file = png_of(2, 1, PNG_FORMAT_GRAY, {1, 2});
  const auto tensor = tensor_from_png(file, wanted({-1, 1, 8, 9}));
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().detail, "the picture is 2x1 pixels, input 'image' wants 9x8");
}

TEST(PngImage, RefusesBrokenFiles) {
  const Buffer file = png_of(4, 4, PNG_FORMAT_GRAY, std::vector<png_byte>(16, 7));
  EXPECT_FALSE(tensor_from_png(Buffer(), wanted({4, 4})));
  EXPECT_FALSE(tensor_from_png(Buffer::copy_of("not a picture"), wanted({4, 4})));
  // The last 12 bytes are the end marker, which libpng does not insist on.
  for (std::size_t size = 0; size + 16 < file.size(); ++size) {
    EXPECT_FALSE(tensor_from_png(file.slice(0, size), wanted({4, 4}))) << size;
  }
}

}  // namespace
}  // namespace sluice::cluster
