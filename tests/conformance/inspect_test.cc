// What `sluice inspect` finds in a model file.

#include "worker/engine/read/inspect.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/conformance/wire_model.h"
#include "worker/model/wire.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

using model::append_bytes_field;
using model::append_varint_field;
using testing::bytes_of;
using testing::model_of;
using testing::node;

Inspection inspected(const std::string& bytes) {
  auto registry = std::make_shared<Registry>();
  register_all(*registry);
  auto model = parse_model(bytes_of(bytes), "/nonexistent");
  EXPECT_TRUE(model) << model.error().detail;
  return model ? inspect(*std::move(model), std::move(registry)) : Inspection{};
}

// The float tensor "w" of shape [2].
std::string weight() {
  std::string tensor;
  append_varint_field(tensor, 1, 2);
  append_varint_field(tensor, 2, 1);
  append_bytes_field(tensor, 8, bytes_of("w"));
  append_bytes_field(tensor, 9, bytes_of(std::string(8, '\0')));
  return tensor;
}

TEST(Inspect, CountsOperatorsAndParametersAndLoads) {
  std::string bytes = model_of(
      weight(),
      {node("Add", {"x", "w"}, "s"), node("Add", {"s", "s"}, "t"), node("Relu", {"t"}, "y")});
  append_bytes_field(bytes, 2, bytes_of("maker"));
  append_bytes_field(bytes, 3, bytes_of("1.2"));
  const Inspection found = inspected(bytes);
  EXPECT_EQ(found.facts.operators, (std::map<std::string, std::size_t>{{"Add", 2}, {"Relu", 1}}));
  EXPECT_EQ(found.facts.opsets, (std::map<std::string, int>{{"", 13}}));
  EXPECT_EQ(found.facts.ir_version, 8);
  EXPECT_EQ(found.facts.producer, "maker 1.2");
  EXPECT_EQ(found.parameters, 2U);
  EXPECT_EQ(found.parameter_bytes, 8U);
  EXPECT_EQ(found.info.inputs.at(0).name, "x");
  EXPECT_EQ(found.info.outputs.at(0).shape, (Shape{2}));
  EXPECT_EQ(found.input_symbols, (std::vector<std::vector<std::string>>{{""}}));
  EXPECT_TRUE(found.missing.empty());
  EXPECT_EQ(found.refusal, "");
}

TEST(Inspect, NamesEveryNodeOfWhatIsMissing) {
  const Inspection found = inspected(model_of(
      "", {node("Fancy", {"x"}, "a"), node("Plain", {"a"}, "b"), node("Fancy", {"b"}, "y")}));
  ASSERT_EQ(found.missing.size(), 2U);
  EXPECT_EQ(found.missing[0].what, "Fancy");
  EXPECT_EQ(found.missing[0].nodes, (std::vector<std::string>{"a", "y"}));
  EXPECT_EQ(found.missing[1].nodes, (std::vector<std::string>{"b"}));
  EXPECT_EQ(found.refusal, "unsupported operators: Fancy (node 'a', 'y'); Plain (node 'b')");
}

TEST(Inspect, ContribOperatorsAreCountedAsTheyStand) {
  std::string gelu = node("Gelu", {"x"}, "y");
  append_bytes_field(gelu, 7, bytes_of("com.microsoft"));
  const Inspection found = inspected(model_of("", {gelu}, {{"", 13}, {"com.microsoft", 1}}));
  EXPECT_EQ(found.facts.operators, (std::map<std::string, std::size_t>{{"com.microsoft.Gelu", 1}}));
  EXPECT_EQ(found.refusal, "");
}

}  // namespace
}  // namespace sluice::engine
