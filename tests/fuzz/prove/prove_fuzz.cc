// Any bytes as what a server sends to prove-swap: answers behind each other, whoever they are by,
// and the JSON of the admin paths. The same bytes cut in two are the same answers.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/prove/answer_parser.h"
#include "cluster/prove/cluster_answers.h"
#include "cluster/prove/probe_request.h"
#include "common/base/check.h"

namespace {

void give(sluice::cluster::AnswerParser& parser, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = parser.room();
    const std::size_t count = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), count, room.begin());
    parser.received(count);
    bytes.remove_prefix(count);
  }
}

void look_at(const sluice::cluster::AnswerView& answer) {
  static_cast<void>(sluice::cluster::identity_of(answer));
  static_cast<void>(sluice::cluster::refusal_of(answer));
  static_cast<void>(sluice::cluster::read_rollout(answer.body));
  static_cast<void>(sluice::cluster::read_worker_pids(answer.body));
  if (const auto state = sluice::cluster::read_model(answer.body, "m")) {
    static_cast<void>(sluice::cluster::other_version(*state, "m"));
  }
}

// Statuses and bodies, and whether it ended in an error.
std::string answers_of(std::string_view bytes, std::size_t cut) {
  sluice::cluster::AnswerParser parser;
  std::string found;
  for (const std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    give(parser, part);
    while (true) {
      const auto answer = parser.next();
      if (!answer) {
        return found + "error";
      }
      if (!*answer) {
        break;
      }
      look_at(**answer);
      found += std::to_string((*answer)->status) + ":" + std::string((*answer)->body) + ";";
    }
  }
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  const std::string whole = answers_of(bytes, bytes.size());
  SLUICE_CHECK(answers_of(bytes, bytes.size() / 2) == whole);
  return 0;
}
