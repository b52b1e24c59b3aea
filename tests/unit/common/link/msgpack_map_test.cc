#include "common/link/msgpack_map.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace sluice::link {
namespace {

TEST(MapReader, ReadsEveryKindOfFieldTheWriterWrites) {
  MapWriter writer(8);
  writer.put("text", std::string_view("hello"));
  writer.put("big", std::numeric_limits<std::uint64_t>::max());
  writer.put("low", std::numeric_limits<std::int64_t>::min());
  writer.put("yes", true);
  writer.put("time", Duration(5));
  writer.put("texts", std::vector<std::string>{"a", "b"});
  writer.put("shape", Shape{-1, 4});
  writer.begin_maps("maps", 2);
  writer.begin_element(1);
  writer.put("n", std::uint64_t{1});
  writer.begin_element(0);
  const Buffer bytes = std::move(writer).finish();

  MapDocument document(bytes);
  MapReader map = document.root();
  std::string text;
  std::uint64_t big = 0;
  std::int64_t low = 0;
  bool yes = false;
  Duration time{};
  std::vector<std::string> texts;
  Shape shape;
  map.get("text", text, 5);
  map.get("big", big);
  map.get("low", low);
  map.get("yes", yes);
  map.get("time", time);
  map.get("texts", texts, 2, 1);
  map.get("shape", shape, 2);
  auto maps = map.maps("maps", 2);
  ASSERT_TRUE(document.result()) << document.result().error().detail;
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(big, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(low, std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(yes);
  EXPECT_EQ(time, Duration(5));
  EXPECT_EQ(texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(shape, (Shape{-1, 4}));
  ASSERT_EQ(maps.size(), 2U);
  std::uint64_t n = 9;
  maps[1].get("n", n);
  EXPECT_EQ(n, 9U);  // missing: as it was
  maps[0].get("n", n);
  EXPECT_EQ(n, 1U);
}

TEST(MapReader, KeepsTheFirstThingThatWasWrong) {
  MapWriter writer(2);
  writer.put("a", true);
  writer.put("b", std::int64_t{-1});
  MapDocument document(std::move(writer).finish());
  MapReader map = document.root();
  std::string text = "before";
  Duration time(7);
  map.get("a", text, 10);
  map.get("b", time);
  EXPECT_EQ(document.result().error().detail,
            "control message: 'a' is not text of at most 10 bytes");
  EXPECT_EQ(text, "before");
  EXPECT_EQ(time, Duration(7));
}

TEST(MapWriterDeathTest, OwesEveryEntryItPromised) {
  EXPECT_DEATH(
      {
        MapWriter writer(2);
        writer.put("a", true);
        static_cast<void>(std::move(writer).finish());
      },
      "owed");
}

}  // namespace
}  // namespace sluice::link
