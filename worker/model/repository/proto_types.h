// Enums of schema/model_config.proto and ours: for the files proto_*.cc of this folder alone.

#pragma once

#include <optional>

#include "common/tensor/datatype.h"
#include "schema/model_config.pb.h"
#include "worker/model/repository/model_config.h"

namespace sluice::repository {

struct DataTypePair {
  inference::DataType theirs;
  DataType ours;
};
inline constexpr DataTypePair kDataTypes[] = {
    {inference::TYPE_INVALID, DataType::undefined},
    {inference::TYPE_BOOL, DataType::boolean},
    {inference::TYPE_UINT8, DataType::uint8},
    {inference::TYPE_UINT16, DataType::uint16},
    {inference::TYPE_UINT32, DataType::uint32},
    {inference::TYPE_UINT64, DataType::uint64},
    {inference::TYPE_INT8, DataType::int8},
    {inference::TYPE_INT16, DataType::int16},
    {inference::TYPE_INT32, DataType::int32},
    {inference::TYPE_INT64, DataType::int64},
    {inference::TYPE_FP16, DataType::float16},
    {inference::TYPE_FP32, DataType::float32},
    {inference::TYPE_FP64, DataType::float64},
    {inference::TYPE_STRING, DataType::string},
    {inference::TYPE_BF16, DataType::bfloat16},
};

// undefined for a number that the schema does not know.
inline DataType datatype_of(inference::DataType theirs) {
  for (const DataTypePair& pair : kDataTypes) {
    if (pair.theirs == theirs) {
      return pair.ours;
    }
  }
  return DataType::undefined;
}

inline inference::DataType datatype_of(DataType ours) {
  for (const DataTypePair& pair : kDataTypes) {
    if (pair.ours == ours) {
      return pair.theirs;
    }
  }
  return inference::TYPE_INVALID;
}

inline std::optional<TensorFormat> format_of(inference::ModelInput::Format theirs) {
  switch (theirs) {
    case inference::ModelInput::FORMAT_NONE:
      return TensorFormat::none;
    case inference::ModelInput::FORMAT_NHWC:
      return TensorFormat::nhwc;
    case inference::ModelInput::FORMAT_NCHW:
      return TensorFormat::nchw;
    default:
      return std::nullopt;
  }
}

inline inference::ModelInput::Format format_of(TensorFormat ours) {
  switch (ours) {
    case TensorFormat::none:
      break;
    case TensorFormat::nhwc:
      return inference::ModelInput::FORMAT_NHWC;
    case TensorFormat::nchw:
      return inference::ModelInput::FORMAT_NCHW;
  }
  return inference::ModelInput::FORMAT_NONE;
}

}  // namespace sluice::repository
