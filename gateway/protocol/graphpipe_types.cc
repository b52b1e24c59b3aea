#include "gateway/protocol/graphpipe_types.h"

#include <algorithm>
#include <array>

namespace sluice::gateway::graphpipe {
namespace {

// By number, from Null.
constexpr std::array<DataType, 13> kTypes{
    DataType::undefined,
    DataType::uint8,
    DataType::int8,
    DataType::uint16,
    DataType::int16,
    DataType::uint32,
    DataType::int32,
    DataType::uint64,
    DataType::int64,
    DataType::float16,
    DataType::float32,
    DataType::float64,
    DataType::string,
};

}  // namespace

std::optional<DataType> datatype_of(std::uint8_t type) noexcept {
  return type == kNull || type >= kTypes.size() ? std::nullopt : std::optional(kTypes[type]);
}

std::uint8_t type_of(DataType datatype) noexcept {
  const DataType wire = datatype == DataType::boolean ? DataType::uint8 : datatype;
  const auto place = std::find(kTypes.begin(), kTypes.end(), wire);
  return place == kTypes.end() ? kNull : static_cast<std::uint8_t>(place - kTypes.begin());
}

}  // namespace sluice::gateway::graphpipe
