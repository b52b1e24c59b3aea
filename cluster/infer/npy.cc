#include "cluster/infer/npy.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kHeaderAlignment =
    64;  // of magic, length and header together, as numpy writes

struct DtypeName {
  DataType datatype;
  std::string_view name;
};

constexpr DtypeName kDtypes[] = {
    {DataType::boolean, "|b1"},
    {DataType::uint8, "|u1"},
    {DataType::int8, "|i1"},
    {DataType::uint16, "<u2"},
    {DataType::uint32, "<u4"},
    {DataType::uint64, "<u8"},
    {DataType::int16, "<i2"},
    {DataType::int32, "<i4"},
    {DataType::int64, "<i8"},
    {DataType::float16, "<f2"},
    {DataType::float32, "<f4"},
    {DataType::float64, "<f8"},
};

Error corrupt_npy(std::string what) {
  return Error{ErrorCode::data_corrupt, "not a .npy file: " + std::move(what)};
}

// Reads the header, a Python dict literal of three known keys, from left to right.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  // Skips blanks, then takes `token` if it is next.
  bool take(std::string_view token) {
    skip_blanks();
    if (!text_.starts_with(token)) {
      return false;
    }
    text_.remove_prefix(token.size());
    return true;
  }

  std::optional<std::string_view> quoted() {
    skip_blanks();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) {
      return std::nullopt;
    }
    const std::size_t end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view inside = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return inside;
  }

  // "()", "(3,)", "(3, 4)"; Python 2 wrote "3L".
  std::optional<Shape> shape() {
    if (!take("(")) {
      return std::nullopt;
    }
    Shape shape;
    while (!take(")")) {
      skip_blanks();
      std::int64_t extent = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0 || shape.size() == limits::kTensorRank) {
        return std::nullopt;
      }
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      shape.push_back(extent);
      static_cast<void>(take("L"));
      if (take(")")) {
        break;
      }
      if (!take(",")) {
        return std::nullopt;
      }
    }
    return shape;
  }

  bool at_end() {
    skip_blanks();
    return text_.empty();
  }

 private:
  void skip_blanks() {
    const std::size_t at = text_.find_first_not_of(" \t\n");
    text_.remove_prefix(at == std::string_view::npos ? text_.size() : at);
  }

  std::string_view text_;
};

struct Header {
  std::optional<std::string_view> descr;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
};

bool read_entry(HeaderReader& reader, Header& header) {
  const std::optional<std::string_view> key = reader.quoted();
  if (!key || !reader.take(":")) {
    return false;
  }
  if (*key == "descr") {
    header.descr = reader.quoted();
    return header.descr.has_value();
  }
  if (*key == "shape") {
    header.shape = reader.shape();
    return header.shape.has_value();
  }
  if (*key != "fortran_order") {
    return false;
  }
  const bool yes = reader.take("True");
  header.fortran_order = yes;
  return yes || reader.take("False");
}

Result<Header> parse_header(std::string_view text) {
  HeaderReader reader(text);
  Header header;
  if (!reader.take("{")) {
    return corrupt_npy("its header is not a dictionary");
  }
  while (!reader.take("}")) {
    if (!read_entry(reader, header)) {
      // A list under "descr" is a structured type; all else is no header of numpy's.
      return corrupt_npy("its header is not 'descr', 'fortran_order' and 'shape' of a plain array");
    }
    if (!reader.take(",")) {
      if (reader.take("}")) {
        break;
      }
      return corrupt_npy("its header's entries are not separated by commas");
    }
  }
  if (!reader.at_end() || !header.descr || !header.fortran_order || !header.shape) {
    return corrupt_npy("its header is incomplete");
  }
  return header;
}

Result<DataType> datatype_of(std::string_view descr) {
  for (const DtypeName& dtype : kDtypes) {
    // numpy itself writes '|', '<' or '=' for one-byte types depending on its age.
    const bool one_byte = dtype.name.front() == '|';
    if (descr == dtype.name ||
        (one_byte && descr.size() == 3 && descr.ends_with(dtype.name.substr(1)))) {
      return dtype.datatype;
    }
  }
  std::string hint = "only booleans and numbers can be sent from .npy; strings as JSON";
  if (descr.starts_with('>')) {
    hint = "big-endian; store it with astype(dtype.newbyteorder('<'))";
  }
  return Error{ErrorCode::unsupported, ".npy of dtype '" + std::string(descr) + "': " + hint};
}

struct Parts {
  std::string_view header;
  std::size_t data_at = 0;
};

Result<Parts> split(std::string_view file) {
  if (!file.starts_with(kMagic) || file.size() < kMagic.size() + 4) {
    return corrupt_npy("it does not start with numpy's signature");
  }
  const auto byte = [file](std::size_t i) {
    return std::size_t{static_cast<unsigned char>(file[i])};
  };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3) {
    return corrupt_npy("format version " + std::to_string(version) + " is not 1, 2 or 3");
  }
  std::size_t at = 10;
  std::size_t size = byte(8) | byte(9) << 8U;
  if (version > 1) {
    if (file.size() < 12) {
      return corrupt_npy("it ends inside its header");
    }
    at = 12;
    size |= byte(10) << 16U | byte(11) << 24U;
  }
  if (size > file.size() - at) {
    return corrupt_npy("it ends inside its header");
  }
  return Parts{file.substr(at, size), at + size};
}

}  // namespace

Result<NamedTensor> read_npy(const Buffer& file) {
  SLUICE_TRY_ASSIGN(const Parts parts, split(file.text()));
  SLUICE_TRY_ASSIGN(const Header header, parse_header(parts.header));
  SLUICE_TRY_ASSIGN(const DataType datatype, datatype_of(*header.descr));
  if (*header.fortran_order) {
    return Error{ErrorCode::unsupported,
                 ".npy in Fortran order: store it with numpy.ascontiguousarray"};
  }
  SLUICE_TRY_ASSIGN(const std::size_t size, byte_count(datatype, *header.shape));
  const std::size_t there = file.size() - parts.data_at;
  if (size != there) {
    return corrupt_npy("shape " + to_string(*header.shape) + " of " +
                       std::string(name_of(datatype)) + " needs " + std::to_string(size) +
                       " bytes, the file has " + std::to_string(there));
  }
  return NamedTensor{"", datatype, *header.shape, file.slice(parts.data_at, size)};
}

Result<std::string> npy_bytes(const NamedTensor& tensor) {
  std::string_view descr;
  for (const DtypeName& dtype : kDtypes) {
    if (dtype.datatype == tensor.datatype) {
      descr = dtype.name;
    }
  }
  if (descr.empty()) {
    return Error{ErrorCode::unsupported,
                 "'" + tensor.name + "' is " + std::string(name_of(tensor.datatype)) +
                     ", which a .npy file cannot hold"};
  }
  std::string header = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t extent : tensor.shape) {
    header += std::to_string(extent) + ",";
  }
  header += "), }";
  const std::size_t prefix = kMagic.size() + 4;
  header.append(kHeaderAlignment - 1 - (prefix + header.size()) % kHeaderAlignment, ' ');
  header += '\n';
  std::string file(kMagic);
  file += '\x01';
  file += '\0';
  file += static_cast<char>(header.size() & 0xffU);
  file += static_cast<char>(header.size() >> 8U);
  return file.append(header).append(tensor.data.text());
}

}  // namespace sluice::cluster
