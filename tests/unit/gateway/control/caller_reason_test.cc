#include "gateway/control/caller_reason.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

TEST(ReasonForCallers, NamesFilesWithoutTheirFolders) {
  const struct {
    const char* reason;
    const char* shown;
  } rows[] = {
      {"exit code 3: '/srv/models/add/1/model.onnx': node 'n': unknown operator",
       "exit code 3: 'model.onnx': node 'n': unknown operator"},
      {"cannot open '/srv/my models/add/1/weights.bin': No such file or directory",
       "cannot open 'weights.bin': No such file or directory"},
      {"/opt/sluice/libsluice_engine.so: cannot open shared object file",
       "libsluice_engine.so: cannot open shared object file"},
      {"cannot start /usr/bin/sluice, as asked", "cannot start sluice, as asked"},
      {"(/a/b) and [/c/d]", "(b) and [d]"},
      {"'/never/closed", "'closed"},
      {"move it to /srv/models/words/1/", "move it to 1/"},
      {"as words/VERSION/model.onnx", "as words/VERSION/model.onnx"},
      {"nothing but / here", "nothing but / here"},
      {"in \"/a b/c\"", "in \"c\""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(reason_for_callers(row.reason), row.shown);
  }
}

TEST(ReasonForCallers, LeavesWhatIsNoPath) {
  for (const char* reason : {"",
                             "killed by signal 9 (SIGKILL)",
                             "digits/1: five early deaths and/or worse",
                             "tcp://10.0.0.1:7000 does not answer",
                             "input 'x': shape [2,3], model 'm' wants [-1,4]"}) {
    EXPECT_EQ(reason_for_callers(reason), reason);
  }
}

}  // namespace
}  // namespace sluice::gateway
