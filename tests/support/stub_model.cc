#include "tests/support/stub_model.h"

namespace sluice::test {
namespace {

std::string with_members(std::string members, std::string_view more) {
  if (!more.empty()) {
    members += ", " + std::string(more);
  }
  return "{" + members + "}";
}

}  // namespace

std::string stub_engine_library() {
  return SLUICE_STUB_ENGINE;
}

std::string stub_add_model(std::string_view more) {
  return with_members(R"("op": "add",
    "inputs": [{"name": "a", "datatype": "FP32", "shape": [-1, 4]},
               {"name": "b", "datatype": "FP32", "shape": [-1, 4]}],
    "outputs": [{"name": "sum", "datatype": "FP32", "shape": [-1, 4]}])",
                      more);
}

std::string stub_echo_model(std::string_view more) {
  return with_members(R"("op": "echo",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}])",
                      more);
}

}  // namespace sluice::test
