#include "gateway/net/io_loop.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/process/unique_fd.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

// Notes the letters of what happened; the last one stops the loop.
struct Notes {
  explicit Notes(IoLoop& on, char end) : loop(on), last(end) {}
  void note(char letter) {
    text += letter;
    if (letter == last) {
      loop.stop();
    }
  }
  void a(TimePoint /*now*/) { note('a'); }
  void b(TimePoint /*now*/) { note('b'); }
  void c(TimePoint /*now*/) { note('c'); }
  IoLoop& loop;
  char last;
  std::string text;
};

TEST(IoLoop, TimersComeInTheOrderOfTheirTimes) {
  IoLoop loop;
  Notes notes(loop, 'c');
  LoopTimer third(loop, callback_of<&Notes::c>(notes));
  LoopTimer first(loop, callback_of<&Notes::a>(notes));
  LoopTimer second(loop, callback_of<&Notes::b>(notes));
  const TimePoint now = loop.now();
  third.at(now + 3ms);
  first.at(now + 1ms);
  second.at(now + 2ms);
  loop.run();
  EXPECT_EQ(notes.text, "abc");
}

TEST(IoLoop, ATimerIsReplacedCancelledAndDestroyed) {
  IoLoop loop;
  Notes notes(loop, 'c');
  LoopTimer replaced(loop, callback_of<&Notes::a>(notes));
  LoopTimer cancelled(loop, callback_of<&Notes::b>(notes));
  LoopTimer last(loop, callback_of<&Notes::c>(notes));
  const TimePoint now = loop.now();
  replaced.at(now + 1h);
  replaced.at(now + 1ms);
  cancelled.at(now);
  cancelled.cancel();
  {
    LoopTimer destroyed(loop, callback_of<&Notes::b>(notes));
    destroyed.at(now);
  }
  last.at(now + 5ms);
  loop.run();
  EXPECT_EQ(notes.text, "ac");
}

TEST(IoLoop, APostIsMadeOnceAndNotAfterItsEnd) {
  IoLoop loop;
  Notes notes(loop, 'c');
  LoopPost twice(loop, callback_of<&Notes::a>(notes));
  twice.post();
  twice.post();
  {
    LoopPost destroyed(loop, callback_of<&Notes::b>(notes));
    destroyed.post();
  }
  LoopPost last(loop, callback_of<&Notes::c>(notes));
  last.post();
  loop.run();
  EXPECT_EQ(notes.text, "ac");
}

struct Reader {
  Reader(IoLoop& on, int wanted_count)
      : loop(on), fd(eventfd(0, EFD_NONBLOCK)), wanted(wanted_count) {
    watch.emplace(loop, fd.get(), callback_of<&Reader::on_ready>(*this));
  }
  void signal() const {
    const std::uint64_t one = 1;
    EXPECT_EQ(write(fd.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  void on_ready(TimePoint /*now*/) {
    std::uint64_t count = 0;
    EXPECT_EQ(read(fd.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
    if (++calls == wanted) {
      watch.reset();  // from within its own call
      loop.stop();
    } else {
      signal();
    }
  }
  IoLoop& loop;
  UniqueFd fd;
  int wanted;
  int calls = 0;
  std::optional<FdWatch> watch;
};

TEST(IoLoop, AWatchSeesWhatIsThereAlreadyAndWhatComes) {
  IoLoop loop;
  Reader reader(loop, 5);
  reader.signal();
  loop.run();
  EXPECT_EQ(reader.calls, 5);
}

TEST(IoLoop, AnotherThreadMayStopIt) {
  IoLoop loop;
  std::jthread other([&loop] { loop.stop_from_any_thread(); });
  loop.run();
  other.join();
  loop.stop_from_any_thread();  // before run(), which then returns at once
  loop.run();
}

TEST(IoLoop, EndsWithWaitsUnderWay) {
  auto loop = std::make_unique<IoLoop>();
  Notes notes(*loop, 'c');
  auto timer = std::make_unique<LoopTimer>(*loop, callback_of<&Notes::a>(notes));
  timer->at(loop->now() + 1h);
  Reader reader(*loop, 1);
  reader.watch.reset();
  timer.reset();
  loop.reset();
  EXPECT_EQ(notes.text, "");
}

}  // namespace
}  // namespace sluice::gateway
