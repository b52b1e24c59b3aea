#include "worker/ops/detail/dnnl_common.h"

#include <utility>

namespace sluice::engine::detail {

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::primitive_attr attributes_for(const Tail& tail) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops post;
  if (tail.residual) {
    post.append_sum(1.0F);
  }
  switch (tail.activation) {
    case Activation::none:
      break;
    case Activation::relu:
      post.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
      break;
    case Activation::leaky_relu:
      post.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, tail.low, 0.0F);
      break;
    case Activation::clip:
      post.append_eltwise(1.0F, dnnl::algorithm::eltwise_clip, tail.low, tail.high);
      break;
  }
  attributes.set_post_ops(post);
  return attributes;
}

BoundPrimitive::BoundPrimitive(dnnl::primitive primitive, std::span<const Argument> arguments)
    : primitive_(std::move(primitive)), stream_(cpu_engine()) {
  for (const Argument& argument : arguments) {
    memories_.emplace_back(argument.desc, cpu_engine(), nullptr);
    arguments_.push_back({argument.name, memories_.back().get()});
  }
}

void BoundPrimitive::run(std::span<void* const> addresses) {
  SLUICE_CHECK(addresses.size() == memories_.size());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    memories_[i].set_data_handle(addresses[i], stream_);
  }
  // The C call takes the arguments as an array; the C++ one would build it anew each time.
  const dnnl_status_t status = dnnl_primitive_execute(
      primitive_.get(), stream_.get(), static_cast<int>(arguments_.size()), arguments_.data());
  SLUICE_CHECK(status == dnnl_success);
}

const char* BoundPrimitive::implementation() const {
  const char* name = "";
  static_cast<void>(dnnl_primitive_desc_query(
      primitive_.get_primitive_desc(), dnnl_query_impl_info_str, 0, static_cast<void*>(&name)));
  return name;
}

dnnl::memory reordered(const void* from,
                       const dnnl::memory::desc& from_desc,
                       const dnnl::memory::desc& to_desc) {
  // A reorder only reads its source.
  dnnl::memory source(from_desc, cpu_engine(), const_cast<void*>(from));
  dnnl::memory target(to_desc, cpu_engine());
  dnnl::stream stream(cpu_engine());
  dnnl::reorder(source, target).execute(stream, source, target);
  stream.wait();
  return target;
}

}  // namespace sluice::engine::detail
