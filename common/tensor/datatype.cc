#include "common/tensor/datatype.h"

#include <array>

namespace sluice {
namespace {

struct Row {
  DataType type;
  std::string_view name;
  std::string_view kserve;
};

constexpr std::array<Row, 21> kRows{{
    {DataType::undefined, "undefined", ""},
    {DataType::boolean, "bool", "BOOL"},
    {DataType::uint8, "uint8", "UINT8"},
    {DataType::uint16, "uint16", "UINT16"},
    {DataType::uint32, "uint32", "UINT32"},
    {DataType::uint64, "uint64", "UINT64"},
    {DataType::int8, "int8", "INT8"},
    {DataType::int16, "int16", "INT16"},
    {DataType::int32, "int32", "INT32"},
    {DataType::int64, "int64", "INT64"},
    {DataType::float16, "float16", "FP16"},
    {DataType::bfloat16, "bfloat16", "BF16"},
    {DataType::float32, "float32", "FP32"},
    {DataType::float64, "float64", "FP64"},
    {DataType::string, "string", "BYTES"},
    {DataType::float8e4m3fn, "float8e4m3fn", ""},
    {DataType::float8e4m3fnuz, "float8e4m3fnuz", ""},
    {DataType::float8e5m2, "float8e5m2", ""},
    {DataType::float8e5m2fnuz, "float8e5m2fnuz", ""},
    {DataType::uint4, "uint4", ""},
    {DataType::int4, "int4", ""},
}};

}  // namespace

std::string_view name_of(DataType type) noexcept {
  const auto index = static_cast<std::size_t>(type);
  return index < kRows.size() ? kRows[index].name : "unknown";
}

std::string_view kserve_name_of(DataType type) noexcept {
  const auto index = static_cast<std::size_t>(type);
  return index < kRows.size() ? kRows[index].kserve : "";
}

std::optional<DataType> datatype_from_kserve(std::string_view name) noexcept {
  if (!name.empty()) {
    for (const Row& row : kRows) {
      if (row.kserve == name) {
        return row.type;
      }
    }
  }
  return std::nullopt;
}

}  // namespace sluice
