// Requests that pull at a rule each: what we answer, what nginx (Debian 12's, 1.22) answers, and,
// where the two differ, why ours is right. Used by the test of the pure core, by the differential
// test against nginx, and by the check that docs/protocols/http.md lists every difference.

#pragma once

#include <string>
#include <vector>

namespace sluice::gateway {

struct FramingCase {
  std::string name;   // as docs/protocols/http.md lists it
  std::string bytes;  // complete, or refused before its end
  int ours = 0;
  int nginx = 0;     // 0: it closes, or answers without a status line
  std::string rule;  // of a difference; empty when there is none
};

// Answered 200 by a handler that accepts every method and path.
const std::vector<FramingCase>& framing_cases();

}  // namespace sluice::gateway
