#include "gateway/control/answer_counts.h"

#include <string_view>

#include "common/base/result.h"
#include "common/metrics/families.h"
#include "gateway/protocol/adapters.h"

namespace sluice::gateway {
namespace {

// What a version may be blamed for. A full queue and a client that went away say nothing about its
// answers. A deadline that passed does: those that passed before a worker had the request are
// counted under no version (ShardMetrics).
bool is_its_fault(ErrorCode code) {
  switch (code) {
    case ErrorCode::internal:
    case ErrorCode::unavailable:
    case ErrorCode::data_corrupt:
    case ErrorCode::deadline_exceeded:
      return true;
    case ErrorCode::invalid_argument:
    case ErrorCode::not_found:
    case ErrorCode::unsupported:
    case ErrorCode::resource_exhausted:
    case ErrorCode::cancelled:
      return false;
  }
  return true;
}

}  // namespace

AnswerCounts answer_counts(const metrics::Registry& registry,
                           const std::string& model,
                           std::int64_t version) {
  const std::string number = std::to_string(version);
  AnswerCounts counts;
  for (const Adapter& adapter : adapters()) {
    const auto ended = [&](std::string_view code) {
      return static_cast<std::uint64_t>(
          registry.value(metrics::kRequestsTotal, {model, number, adapter.name, code}));
    };
    counts.ok += ended("ok");
    for (const ErrorCode code : kAllErrorCodes) {
      (is_its_fault(code) ? counts.server_errors : counts.ok) += ended(name_of(code));
    }
  }
  return counts;
}

}  // namespace sluice::gateway
