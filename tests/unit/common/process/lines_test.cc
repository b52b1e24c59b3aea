#include "common/process/lines.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice {
namespace {

class Lines : public testing::Test {
 protected:
  Lines() : pipe(*make_line_pipe()) {}

  void arrives(const std::string& bytes) {
    ASSERT_EQ(::write(pipe.writer.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  LineReader::State read() {
    return reader.read(pipe.reader.get(),
                       [this](std::string_view line) { lines.emplace_back(line); });
  }

  LinePipe pipe;
  LineReader reader;
  std::vector<std::string> lines;
};

TEST_F(Lines, are_cut_wherever_the_bytes_were_split) {
  arrives("state loa");
  EXPECT_EQ(read(), LineReader::State::open);
  EXPECT_TRUE(lines.empty());
  arrives("ding\n\nstate ready\nfai");
  EXPECT_EQ(read(), LineReader::State::open);
  EXPECT_EQ(lines, (std::vector<std::string>{"state loading", "", "state ready"}));
}

TEST_F(Lines, the_unfinished_last_one_is_handed_out_at_the_end) {
  arrives("no newline");
  pipe.writer.reset();
  EXPECT_EQ(read(), LineReader::State::ended);
  EXPECT_EQ(lines, std::vector<std::string>{"no newline"});
}

TEST_F(Lines, an_endless_one_is_handed_out_in_bounded_pieces) {
  arrives(std::string(limits::kChildLineBytes * 2 + 10, 'x'));
  pipe.writer.reset();
  while (read() != LineReader::State::ended) {
  }
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].size(), limits::kChildLineBytes);
  EXPECT_EQ(lines[2].size(), 10U);
}

TEST_F(Lines, a_written_line_stays_one_line_and_is_cut) {
  write_line(pipe.writer.get(), "failed", "first\nsecond");
  write_line(pipe.writer.get(), "state", "ready");
  write_line(pipe.writer.get(), "failed", std::string(3 * limits::kReasonBytes, 'y'));
  write_line(-1, "nowhere");
  read();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "failed first second");
  EXPECT_EQ(split_line(lines[0]).word, "failed");
  EXPECT_EQ(split_line(lines[0]).rest, "first second");
  EXPECT_EQ(split_line(lines[2]).rest.size(), limits::kReasonBytes);
  EXPECT_EQ(split_line("alone").rest, "");
}

}  // namespace
}  // namespace sluice
