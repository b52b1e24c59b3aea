// Tensors of a model file: inline, in the mapped file, or beside it. One of the doors to ONNX's
// protobuf classes; everything here is hostile until it is a Constant.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <onnx/onnx_pb.h>

#include "common/base/result.h"
#include "worker/engine/graph/graph.h"
#include "worker/engine/read/mapped_file.h"

namespace sluice::engine {

inline Error corrupt(std::string detail) {
  return {ErrorCode::data_corrupt, std::move(detail)};
}

class TensorReader {
 public:
  // `file` is what segments of a thinned model point into; external data lies below `folder`.
  TensorReader(std::span<const std::byte> file, std::string folder)
      : file_(file), folder_(std::move(folder)) {}

  // data_corrupt, unsupported, not_found: naming the tensor.
  Result<std::shared_ptr<Constant>> read(const onnx::TensorProto& proto);
  // All of its elements, the zeros too.
  Result<std::shared_ptr<Constant>> read_sparse(const onnx::SparseTensorProto& proto);
  // What constants point into.
  std::vector<MappedFile> take_files() { return std::move(files_); }

 private:
  Result<std::span<const std::byte>> external_bytes(const onnx::TensorProto& proto);
  Result<std::optional<std::span<const std::byte>>> raw_bytes(const onnx::TensorProto& proto);

  std::span<const std::byte> file_;
  std::string folder_;
  std::vector<MappedFile> files_;
  std::map<std::string, std::size_t> open_files_;  // location -> index in files_
};

}  // namespace sluice::engine
