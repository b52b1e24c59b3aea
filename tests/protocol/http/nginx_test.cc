// The same bytes to our listener and to nginx: each answer is the expected one, and each difference
// between the two has a rule in docs/protocols/http.md.

#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/protocol/http/cases.h"
#include "tests/protocol/http/echo_server.h"
#include "tests/protocol/http/raw_client.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace sluice::gateway {
namespace {

constexpr const char* kNginx = "/usr/sbin/nginx";

// nginx reads a body only when somebody wants it: the front server passes to a second one, which
// answers a constant. Unix sockets in the test's own folder, so that no port is anybody else's.
std::string configuration(const std::string& dir) {
  std::ostringstream text;
  text << "daemon off;\nmaster_process off;\nerror_log " << dir << "/error.log crit;\npid " << dir
       << "/pid;\nevents {}\nhttp {\n  access_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    text << "  " << kind << "_temp_path " << dir << "/" << kind << ";\n";
  }
  text << "  client_max_body_size 256m;\n"
       << "  server { listen unix:" << dir << "/back; location / { return 200 ok; } }\n"
       << "  server { listen unix:" << dir
       << "/front;\n    location / { proxy_pass http://unix:" << dir << "/back:/; }\n  }\n}\n";
  return text.str();
}

class Nginx {
 public:
  Nginx() {
    const std::string file = dir_.write("nginx.conf", configuration(dir_.path()));
    process_ = std::make_unique<test::Process>(
        test::ProcessSpec{.arguments = {kNginx, "-p", dir_.path(), "-c", file},
                          .environment = {},
                          .descriptors = {}});
  }
  [[nodiscard]] RawClient connect() const { return RawClient::over_unix(dir_ / "front"); }
  // True once it listens: nginx writes its pid after the last socket is ready.
  [[nodiscard]] bool ready() const {
    return test::wait_until([this] { return access((dir_ / "pid").c_str(), F_OK) == 0; });
  }
  [[nodiscard]] std::string messages() const { return process_->err(); }

 private:
  test::TempDir dir_;
  std::unique_ptr<test::Process> process_;
};

int status_of(RawClient client, const std::string& bytes) {
  client.send(bytes);
  RawReply reply = client.read_reply();
  while (reply.status == 100) {
    reply = client.read_reply();
  }
  return reply.status;
}

TEST(HttpAgainstNginx, OurListenerAnswersEachCaseAsListed) {
  EchoServer server;
  server.answer_everything();
  for (const FramingCase& each : framing_cases()) {
    EXPECT_EQ(status_of(RawClient(server.port()), each.bytes), each.ours) << each.name;
  }
}

TEST(HttpAgainstNginx, NginxAnswersEachCaseAsListed) {
  if (access(kNginx, X_OK) != 0) {
    GTEST_SKIP() << "NOT TESTED: " << kNginx << " is not installed (package nginx-light)";
  }
  const Nginx nginx;
  ASSERT_TRUE(nginx.ready()) << nginx.messages();
  for (const FramingCase& each : framing_cases()) {
    EXPECT_EQ(status_of(nginx.connect(), each.bytes), each.nginx) << each.name;
  }
}

TEST(HttpAgainstNginx, EveryDifferenceHasARuleInTheDocument) {
  const std::string document =
      test::read_file(std::string(SLUICE_SOURCE_DIR) + "/docs/protocols/http.md");
  for (const FramingCase& each : framing_cases()) {
    if (each.ours == each.nginx) {
      EXPECT_EQ(each.rule, "") << each.name;
      continue;
    }
    EXPECT_NE(each.rule, "") << each.name;
    const std::string row = "| " + each.name + " | " + std::to_string(each.ours) + " | " +
                            (each.nginx == 0 ? "closes" : std::to_string(each.nginx)) + " | " +
                            each.rule + " |";
    EXPECT_NE(document.find(row), std::string::npos) << "missing in the document: " << row;
  }
}

}  // namespace
}  // namespace sluice::gateway
