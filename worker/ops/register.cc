// The list of all operator families.

#include "worker/ops/register.h"

namespace sluice::engine {

void register_activations(Registry& registry);
void register_arg_reduce(Registry& registry);
void register_batch_norm(Registry& registry);
void register_binary(Registry& registry);
void register_bitwise(Registry& registry);
void register_cast(Registry& registry);
void register_center_crop_pad(Registry& registry);
void register_classify(Registry& registry);
void register_col2im(Registry& registry);
void register_compare(Registry& registry);
void register_constant(Registry& registry);
void register_conv(Registry& registry);
void register_conv_transpose(Registry& registry);
void register_cum_sum(Registry& registry);
void register_depth_space(Registry& registry);
void register_det(Registry& registry);
void register_elementary(Registry& registry);
void register_gather(Registry& registry);
void register_gather_elements(Registry& registry);
void register_generate(Registry& registry);
void register_hardmax(Registry& registry);
void register_instance_norm(Registry& registry);
void register_layer_norm(Registry& registry);
void register_logic(Registry& registry);
void register_matmul(Registry& registry);
void register_ml_linear(Registry& registry);
void register_norm(Registry& registry);
void register_pad(Registry& registry);
void register_pool(Registry& registry);
void register_power(Registry& registry);
void register_prelu(Registry& registry);
void register_recurrent(Registry& registry);
void register_reduce(Registry& registry);
void register_reshape(Registry& registry);
void register_resize(Registry& registry);
void register_reverse_sequence(Registry& registry);
void register_scatter(Registry& registry);
void register_select(Registry& registry);
void register_softmax(Registry& registry);
void register_split(Registry& registry);
void register_tile(Registry& registry);
void register_top_k(Registry& registry);
void register_transpose(Registry& registry);
void register_triangle(Registry& registry);
void register_unary(Registry& registry);
void register_unique(Registry& registry);
void register_variadic(Registry& registry);
void register_where(Registry& registry);

void register_all(Registry& registry) {
  register_activations(registry);
  register_arg_reduce(registry);
  register_batch_norm(registry);
  register_binary(registry);
  register_bitwise(registry);
  register_cast(registry);
  register_center_crop_pad(registry);
  register_classify(registry);
  register_col2im(registry);
  register_compare(registry);
  register_constant(registry);
  register_conv(registry);
  register_conv_transpose(registry);
  register_cum_sum(registry);
  register_depth_space(registry);
  register_det(registry);
  register_elementary(registry);
  register_gather(registry);
  register_gather_elements(registry);
  register_generate(registry);
  register_hardmax(registry);
  register_instance_norm(registry);
  register_layer_norm(registry);
  register_logic(registry);
  register_matmul(registry);
  register_ml_linear(registry);
  register_norm(registry);
  register_pad(registry);
  register_pool(registry);
  register_power(registry);
  register_prelu(registry);
  register_recurrent(registry);
  register_reduce(registry);
  register_reshape(registry);
  register_resize(registry);
  register_reverse_sequence(registry);
  register_scatter(registry);
  register_select(registry);
  register_softmax(registry);
  register_split(registry);
  register_tile(registry);
  register_top_k(registry);
  register_transpose(registry);
  register_triangle(registry);
  register_unary(registry);
  register_unique(registry);
  register_variadic(registry);
  register_where(registry);
}

}  // namespace sluice::engine
