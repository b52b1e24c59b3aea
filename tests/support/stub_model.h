// Model files for the stub engine (stub_engine.cc says what they may contain) and where it is.

#pragma once

#include <string>
#include <string_view>

namespace sluice::test {

// The library for SLUICE_ENGINE_LIBRARY.
std::string stub_engine_library();

// Two inputs "a" and "b" and an output "sum", FP32 [-1,4], op add; `more` are further members of
// the object: R"("sleep_ms": 5)".
std::string stub_add_model(std::string_view more = {});

// Input "x" and output "y", FP32 [-1], op echo.
std::string stub_echo_model(std::string_view more = {});

}  // namespace sluice::test
