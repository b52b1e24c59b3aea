// Tensors without elements lie somewhere: operators add to their pointers and hand them to memcpy.

#include <cstdint>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/model/engine_run.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

bool lies_somewhere(const TensorView& view) {
  // NOLINTNEXTLINE: the address is what is asked.
  return view.data != nullptr && reinterpret_cast<std::uintptr_t>(view.data) % 8 == 0;
}

Result<void> look(const NoParams&, KernelContext& context) {
  if (!lies_somewhere(context.input(0)) || !lies_somewhere(context.output(0))) {
    return Error{ErrorCode::internal, "a tensor lies nowhere"};
  }
  return {};
}

TEST(EmptyTensors, LieSomewhere) {
  for (const DataType datatype : {DataType::float32, DataType::int64, DataType::string}) {
    const auto tensor = Tensor::create(datatype, {0, 3});
    ASSERT_TRUE(tensor);
    EXPECT_TRUE(lies_somewhere(tensor->view()));
  }
}

TEST(EmptyTensors, LieSomewhereWhoeverProvidesTheirMemory) {
  auto registry = std::make_shared<Registry>();
  register_all(*registry);
  registry->add({.name = "Look",
                 .domain = std::string(kTestDomain),
                 .since = {1},
                 .kernel = kernel<parse_nothing, infer_same<NoParams>, look>()});
  const std::string domain(kTestDomain);
  GraphCase graph;
  graph.input("x", floats({0, 4}, {}));
  graph.domain_node(domain, 1, "Look", {"x"}, {"inside"});
  graph.domain_node(domain, 1, "Look", {"inside"}, {"y"}).output("y");
  graph.node("NonZero", {"x"}, {"places"}).domain_node(domain, 1, "Look", {"places"}, {"z"});
  graph.output("z");
  auto model = graph.model();
  ASSERT_TRUE(model);
  const auto session = make_session(*std::move(model), 1, registry, {});
  ASSERT_TRUE(session) << session.error().detail;
  NamedTensor x = floats({0, 4}, {});
  x.data = Buffer();
  const auto got =
      model::run_tensors(*(*session)->new_execution(), (*session)->info(), {x}, {0, 1});
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ((*got)[0].shape, (Shape{0, 4}));
  EXPECT_EQ((*got)[1].shape, (Shape{2, 0}));
}

}  // namespace
}  // namespace sluice::engine
