// The list of all operator families.

#include "worker/ops/register.h"

namespace sluice::engine {

void register_binary(Registry& registry);
void register_matmul(Registry& registry);
void register_unary(Registry& registry);

void register_all(Registry& registry) {
  register_binary(registry);
  register_matmul(registry);
  register_unary(registry);
}

void register_test_operators(Registry&) {}

}  // namespace sluice::engine
