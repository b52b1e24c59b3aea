// Who is told what goes on in a run of prove-swap.

#pragma once

#include <string>

namespace sluice::cluster {

class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  virtual ~Progress() = default;
  virtual void say(const std::string& line) = 0;
  // The run ends early; its interrupt is not looked at any more.
  virtual void interrupted() = 0;
};

}  // namespace sluice::cluster
