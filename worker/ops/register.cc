// The list of all operator families.

#include "worker/ops/register.h"

namespace sluice::engine {

void register_batch_norm(Registry& registry);
void register_binary(Registry& registry);
void register_cast(Registry& registry);
void register_constant(Registry& registry);
void register_conv(Registry& registry);
void register_gather(Registry& registry);
void register_matmul(Registry& registry);
void register_ml_linear(Registry& registry);
void register_pool(Registry& registry);
void register_prelu(Registry& registry);
void register_reduce(Registry& registry);
void register_reshape(Registry& registry);
void register_softmax(Registry& registry);
void register_transpose(Registry& registry);
void register_unary(Registry& registry);

void register_all(Registry& registry) {
  register_batch_norm(registry);
  register_binary(registry);
  register_cast(registry);
  register_constant(registry);
  register_conv(registry);
  register_gather(registry);
  register_matmul(registry);
  register_ml_linear(registry);
  register_pool(registry);
  register_prelu(registry);
  register_reduce(registry);
  register_reshape(registry);
  register_softmax(registry);
  register_transpose(registry);
  register_unary(registry);
}

}  // namespace sluice::engine
