// The request that prove-swap sends again and again, and who answered it: model, version and the
// request's own id. Pure. Safe on whatever a server answers.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/prove/answer_parser.h"
#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::cluster {

class ProbeRequest {
 public:
  // KServe v2 with binary tensors, no version named. `host`: the header's value.
  ProbeRequest(const InferRequest& request, std::string_view host);

  // All its bytes with this id in it; valid until the next call.
  std::string_view with_id(std::uint64_t id);
  [[nodiscard]] std::size_t body_size() const noexcept { return body_size_; }

 private:
  std::string bytes_;
  std::size_t id_at_ = 0;
  std::size_t body_size_ = 0;
};

struct Identity {
  std::uint64_t id = 0;
  std::string model{};
  std::int64_t version = 0;

  friend bool operator==(const Identity&, const Identity&) = default;
};

// Of a 200: id, model_name and model_version of the body, with which the header Sluice-Model must
// agree. data_corrupt, with what is missing, otherwise.
Result<Identity> identity_of(const AnswerView& answer);

// The sentence of an answer that is no success, or empty when it has none: every refusal of ours is
// {"error": "..."}.
std::string refusal_of(const AnswerView& answer);

}  // namespace sluice::cluster
