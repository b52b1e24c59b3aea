// Encode and decode of each part stand together.

#include "worker/serve/serving_plan.h"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/link/labels_codec.h"
#include "common/link/msgpack_map.h"

namespace sluice::worker {
namespace {

using link::MapDocument;
using link::MapReader;
using link::MapWriter;

void put_datatype(MapWriter& map, DataType datatype) {
  map.put("type", std::uint64_t{static_cast<std::uint8_t>(datatype)});
}

DataType get_datatype(MapReader& map) {
  std::uint64_t number = 0;
  map.get("type", number);
  return number <= static_cast<std::uint8_t>(DataType::string) ? static_cast<DataType>(number)
                                                               : DataType::undefined;
}

void put_warm_up_input(MapWriter& map, const WarmUpInput& input) {
  map.begin_element(5);
  map.put("name", std::string_view(input.name));
  put_datatype(map, input.datatype);
  map.put("dims", input.dims);
  map.put("kind", std::uint64_t{static_cast<std::uint8_t>(input.kind)});
  map.put("path", std::string_view(input.path));
}

Result<WarmUpInput> get_warm_up_input(MapReader map) {
  WarmUpInput input;
  map.require("name");
  map.get("name", input.name, limits::kNameBytes);
  input.datatype = get_datatype(map);
  map.get("dims", input.dims, limits::kTensorRank);
  std::uint64_t kind = 0;
  map.get("kind", kind);
  if (kind > static_cast<std::uint8_t>(WarmUpInput::Kind::file)) {
    return Error{
        ErrorCode::data_corrupt,
        "serving plan: warm-up input '" + input.name + "' is of kind " + std::to_string(kind)};
  }
  input.kind = static_cast<WarmUpInput::Kind>(kind);
  map.get("path", input.path, limits::kPathBytes);
  return input;
}

void put_warm_ups(MapWriter& map, const std::vector<WarmUpSample>& samples) {
  map.begin_maps("warm_ups", samples.size());
  for (const WarmUpSample& sample : samples) {
    map.begin_element(4);
    map.put("name", std::string_view(sample.name));
    map.put("batch_size", std::uint64_t{sample.batch_size});
    map.put("count", std::uint64_t{sample.count});
    map.begin_maps("inputs", sample.inputs.size());
    for (const WarmUpInput& input : sample.inputs) {
      put_warm_up_input(map, input);
    }
  }
}

Result<void> get_warm_ups(MapReader& map, std::vector<WarmUpSample>& samples) {
  for (MapReader element : map.maps("warm_ups", limits::kWarmUps)) {
    WarmUpSample sample;
    element.get("name", sample.name, limits::kNameBytes);
    element.get("batch_size", sample.batch_size);
    element.get("count", sample.count);
    for (const MapReader& input : element.maps("inputs", limits::kTensorsPerRequest)) {
      SLUICE_TRY_ASSIGN(WarmUpInput taken, get_warm_up_input(input));
      sample.inputs.push_back(std::move(taken));
    }
    samples.push_back(std::move(sample));
  }
  return {};
}

void put_tensors(MapWriter& map,
                 std::string_view key,
                 const std::vector<ConfiguredTensor>& tensors) {
  map.begin_maps(key, tensors.size());
  for (const ConfiguredTensor& tensor : tensors) {
    map.begin_element(4);
    map.put("name", std::string_view(tensor.name));
    put_datatype(map, tensor.datatype);
    map.put("dims", tensor.dims);
    map.put("optional", tensor.optional);
  }
}

void get_tensors(MapReader& map, std::string_view key, std::vector<ConfiguredTensor>& tensors) {
  for (MapReader element : map.maps(key, limits::kTensorsPerRequest)) {
    ConfiguredTensor tensor;
    element.get("name", tensor.name, limits::kNameBytes);
    tensor.datatype = get_datatype(element);
    element.get("dims", tensor.dims, limits::kTensorRank);
    element.get("optional", tensor.optional);
    tensors.push_back(std::move(tensor));
  }
}

Result<void> check_paths(const ServingPlan& plan) {
  const auto absolute = [](const std::string& path) { return path.starts_with('/'); };
  bool good = absolute(plan.model_path) && (plan.model_dir.empty() || absolute(plan.model_dir)) &&
              (plan.probe_dir.empty() || absolute(plan.probe_dir));
  for (const WarmUpSample& sample : plan.warm_ups) {
    for (const WarmUpInput& input : sample.inputs) {
      good = good &&
             (input.kind == WarmUpInput::Kind::file ? absolute(input.path) : input.path.empty());
    }
  }
  if (!good) {
    return Error{ErrorCode::data_corrupt, "serving plan: a path in it is not absolute"};
  }
  return {};
}

Error from_errno(const std::string& what) {
  return {ErrorCode::unavailable,
          "serving plan: " + what + ": " + std::generic_category().message(errno)};
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) {
      return from_errno("write");
    }
    bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<Buffer> encode_plan(const ServingPlan& plan) {
  MapWriter map(17);
  map.put("path", std::string_view(plan.model_path));
  map.put("name", std::string_view(plan.model_name));
  map.put("version", plan.version);
  map.put("stamp", std::string_view(plan.stamp));
  map.put("dir", std::string_view(plan.model_dir));
  map.put("max_batch_size", plan.max_batch_size);
  map.put("preferred_batch_sizes", plan.preferred_batch_sizes);
  map.put("max_queue_delay_ns", plan.max_queue_delay);
  map.put("preserve_ordering", plan.preserve_ordering);
  map.put("instance_count", std::uint64_t{plan.instance_count});
  put_warm_ups(map, plan.warm_ups);
  map.put("probe_dir", std::string_view(plan.probe_dir));
  put_tensors(map, "inputs", plan.inputs);
  put_tensors(map, "outputs", plan.outputs);
  map.put("notes", plan.notes);
  map.put("config", std::string_view(plan.config_json));
  link::put_labels(map, plan.labels);
  Buffer bytes = std::move(map).finish();
  if (bytes.size() > limits::kServingPlanBytes) {
    return Error{ErrorCode::resource_exhausted,
                 "model '" + plan.model_name + "': its configuration takes " +
                     std::to_string(bytes.size()) + " bytes, a worker is told at most " +
                     std::to_string(limits::kServingPlanBytes)};
  }
  return bytes;
}

Result<ServingPlan> decode_plan(const Buffer& bytes) {
  MapDocument document(bytes, limits::kServingPlanBytes);
  MapReader map = document.root();
  ServingPlan plan;
  map.require("path");
  map.require("name");
  map.get("path", plan.model_path, limits::kPathBytes);
  map.get("name", plan.model_name, limits::kNameBytes);
  map.get("version", plan.version);
  map.get("stamp", plan.stamp, limits::kStampBytes);
  map.get("dir", plan.model_dir, limits::kPathBytes);
  map.get("max_batch_size", plan.max_batch_size);
  map.get("preferred_batch_sizes", plan.preferred_batch_sizes, limits::kPreferredBatchSizes);
  map.get("max_queue_delay_ns", plan.max_queue_delay);
  map.get("preserve_ordering", plan.preserve_ordering);
  map.get("instance_count", plan.instance_count);
  SLUICE_TRY(get_warm_ups(map, plan.warm_ups));
  map.get("probe_dir", plan.probe_dir, limits::kPathBytes);
  get_tensors(map, "inputs", plan.inputs);
  get_tensors(map, "outputs", plan.outputs);
  map.get("notes", plan.notes, limits::kConfigNotes, limits::kConfigNoteBytes);
  map.get("config", plan.config_json, limits::kConfigJsonBytes);
  link::get_labels(map, plan.labels);
  SLUICE_TRY(document.result());
  SLUICE_TRY(check_paths(plan));
  return plan;
}

Result<UniqueFd> write_plan(const ServingPlan& plan) {
  SLUICE_TRY_ASSIGN(const Buffer bytes, encode_plan(plan));
  UniqueFd fd(::memfd_create("sluice.plan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) {
    return from_errno("create");
  }
  SLUICE_TRY(write_all(fd.get(), bytes.text()));
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
      0) {
    return from_errno("seal");
  }
  return fd;
}

Result<ServingPlan> read_plan(int fd) {
  std::string text;
  char part[16 * limits::kKiB];
  while (text.size() <= limits::kServingPlanBytes) {
    const ssize_t count = ::pread(fd, part, sizeof part, static_cast<off_t>(text.size()));
    if (count < 0 && errno != EINTR) {
      return from_errno("read descriptor " + std::to_string(fd));
    }
    if (count == 0) {
      break;
    }
    text.append(part, count < 0 ? 0 : static_cast<std::size_t>(count));
  }
  return decode_plan(Buffer::from_string(std::move(text)));
}

}  // namespace sluice::worker
