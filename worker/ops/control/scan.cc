// Scan.
// Spec: https://onnx.ai/onnx/operators/onnx__Scan.html (read 2026-11).
// Types: all. Every turn the body gets the states and one slab of each scan input, and gives the
// next states and one slab of each scan output. Since 9 with an axis and a direction for each; in 8
// with a batch in front of everything, done one row after the other, and with lengths for its rows,
// behind which the outputs are zero.

#include <algorithm>
#include <cstring>
#include <utility>

#include "worker/ops/control/scan_output.h"
#include "worker/ops/control/slabs.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using Values = std::vector<Value>;

struct ScanParams {
  bool batched = false;  // 8
  std::size_t scan_inputs = 0;
  std::vector<std::int64_t> input_axes{};  // empty: 0 each, as the next three
  std::vector<std::int64_t> input_backwards{};
  std::vector<std::int64_t> output_axes{};
  std::vector<std::int64_t> output_backwards{};
};

Result<ScanParams> parse_scan(const Node& node) {
  Attributes attributes(node);
  ScanParams params{.batched = node.since < 9};
  SLUICE_TRY_ASSIGN(const std::int64_t count, attributes.integer("num_scan_inputs", 0));
  if (params.batched) {
    SLUICE_TRY_ASSIGN(params.input_backwards, attributes.integers("directions"));
  } else {
    SLUICE_TRY_ASSIGN(params.input_axes, attributes.integers("scan_input_axes"));
    SLUICE_TRY_ASSIGN(params.input_backwards, attributes.integers("scan_input_directions"));
    SLUICE_TRY_ASSIGN(params.output_axes, attributes.integers("scan_output_axes"));
    SLUICE_TRY_ASSIGN(params.output_backwards, attributes.integers("scan_output_directions"));
  }
  attributes.ignore("body");
  SLUICE_TRY(attributes.finish());
  const bool has_body = std::ranges::any_of(node.attributes, [](const Attribute& attribute) {
    return attribute.name == "body" && attribute.graph != nullptr;
  });
  const std::size_t first = params.batched ? 1 : 0;
  const auto fits = [&](const std::vector<std::int64_t>& list) {
    return list.empty() || list.size() == static_cast<std::size_t>(count);
  };
  if (!has_body || count < 1 || node.inputs.size() < first + static_cast<std::size_t>(count) ||
      !fits(params.input_axes) || !fits(params.input_backwards)) {
    return Error{ErrorCode::data_corrupt,
                 "needs a body, a number of scan inputs that fits its inputs, and as many axes and "
                 "directions"};
  }
  params.scan_inputs = static_cast<std::size_t>(count);
  return params;
}

std::int64_t at_or(const std::vector<std::int64_t>& list, std::size_t i) {
  return i < list.size() ? list[i] : 0;
}

// Position `at` of the first axis, in place.
TensorView row_of(const TensorView& x, std::int64_t at) {
  TensorView row = x;
  row.dims = x.dims.subspan(1);
  row.count = product(x.dims, 1, x.dims.size());
  row.data = static_cast<std::byte*>(x.data) +
             static_cast<std::size_t>(at * row.count) * storage_size(x.datatype);
  return row;
}

struct Scanned {
  TensorView data{};
  std::size_t axis = 0;
  bool backwards = false;
};

// The turns over one set of scan inputs.
struct Turns {
  Values states{};
  std::vector<ScanOutput> outputs{};
};

Result<void> turn(ValueContext& context,
                  const std::vector<Scanned>& scans,
                  std::int64_t at,
                  std::int64_t length,
                  Turns& turns) {
  std::vector<ValueInput> inputs;
  std::ranges::transform(turns.states, std::back_inserter(inputs), input_of);
  Values slabs;
  slabs.reserve(scans.size());
  for (const Scanned& scan : scans) {
    const std::int64_t from = scan.backwards ? length - 1 - at : at;
    if (scan.axis == 0) {
      inputs.push_back({.present = true, .tensor = row_of(scan.data, from)});
      continue;
    }
    SLUICE_TRY_ASSIGN(Tensor slab, cut_slab(scan.data, scan.axis, from, 1, false));
    slabs.emplace_back(std::move(slab));
    inputs.push_back(input_of(slabs.back()));
  }
  SLUICE_TRY_ASSIGN(Values made, context.run_graph("body", inputs));
  for (std::size_t i = 0; i < turns.outputs.size(); ++i) {
    SLUICE_TRY(turns.outputs[i].add(std::move(made[turns.states.size() + i])));
  }
  std::move(made.begin(),
            made.begin() + static_cast<std::ptrdiff_t>(turns.states.size()),
            turns.states.begin());
  return {};
}

Result<Turns> run_turns(ValueContext& context,
                        Values states,
                        const std::vector<Scanned>& scans,
                        std::int64_t length) {
  const std::size_t outputs = context.graph_outputs("body").size();
  if (outputs < states.size()) {
    return Error{ErrorCode::data_corrupt,
                 "its body has " + std::to_string(outputs) + " outputs and " +
                     std::to_string(states.size()) + " states"};
  }
  Turns turns{.states = std::move(states)};
  turns.outputs.resize(outputs - turns.states.size());
  for (std::int64_t at = 0; at < length; ++at) {
    if (context.stopped()) {
      return Error{ErrorCode::cancelled, "the request was cancelled while it ran"};
    }
    SLUICE_TRY(turn(context, scans, at, length, turns));
  }
  return turns;
}

Result<Values> run_plain(const ScanParams& params, ValueContext& context) {
  const std::size_t states = context.inputs().size() - params.scan_inputs;
  std::vector<Scanned> scans;
  std::int64_t length = -1;
  for (std::size_t i = 0; i < params.scan_inputs; ++i) {
    SLUICE_TRY_ASSIGN(const TensorView view, context.tensor(states + i));
    SLUICE_TRY_ASSIGN(const std::size_t axis,
                      resolve_axis(at_or(params.input_axes, i), view.dims.size()));
    if (length >= 0 && view.dims[axis] != length) {
      return bad_input("its scan inputs have " + std::to_string(length) + " and " +
                       std::to_string(view.dims[axis]) + " positions");
    }
    length = view.dims[axis];
    scans.push_back(
        {.data = view, .axis = axis, .backwards = at_or(params.input_backwards, i) != 0});
  }
  Values first;
  for (std::size_t i = 0; i < states; ++i) {
    SLUICE_TRY_ASSIGN(Value value, value_of(context.inputs()[i]));
    first.push_back(std::move(value));
  }
  SLUICE_TRY_ASSIGN(Turns turns, run_turns(context, std::move(first), scans, length));
  const auto& declared = context.graph_outputs("body");
  for (std::size_t i = 0; i < turns.outputs.size(); ++i) {
    SLUICE_TRY_ASSIGN(Tensor joined,
                      turns.outputs[i].join(declared[states + i],
                                            at_or(params.output_axes, i),
                                            at_or(params.output_backwards, i) != 0));
    turns.states.emplace_back(std::move(joined));
  }
  return std::move(turns.states);
}

// --- 8: with a batch -----------------------------------------------------------------------------

// `x` with zeros behind it until its first extent is `length`.
Result<Tensor> stretched(Tensor x, std::int64_t length) {
  if (x.dims()[0] == length || x.datatype() == DataType::string) {
    return x;
  }
  Shape dims = x.dims();
  dims[0] = length;
  SLUICE_TRY_ASSIGN(Tensor longer, Tensor::create(x.datatype(), std::move(dims)));
  const TensorView to = longer.view();
  std::memset(to.data, 0, to.size());
  if (x.view().size() > 0) {
    std::memcpy(to.data, x.view().data, x.view().size());
  }
  return longer;
}

Result<std::vector<std::int64_t>> lengths_of(const ValueContext& context,
                                             std::int64_t batch,
                                             std::int64_t longest) {
  if (!context.has(0)) {
    return std::vector<std::int64_t>(static_cast<std::size_t>(batch), longest);
  }
  SLUICE_TRY_ASSIGN(const TensorView view, context.tensor(0));
  SLUICE_TRY_ASSIGN(std::vector<std::int64_t> lengths, integers_of(view));
  if (static_cast<std::int64_t>(lengths.size()) != batch ||
      std::ranges::any_of(lengths, [&](auto n) { return n < 0 || n > longest; })) {
    return bad_input("its lengths do not fit a batch of " + std::to_string(batch));
  }
  return lengths;
}

Result<Tensor> join_rows(const Values& rows) {
  std::vector<TensorView> views;
  for (const Value& row : rows) {
    views.push_back(row.tensor().view());
  }
  return join_slabs(views, 0, true);
}

Result<Values> run_batched(const ScanParams& params, ValueContext& context) {
  const std::size_t states = context.inputs().size() - 1 - params.scan_inputs;
  std::vector<TensorView> given;
  for (std::size_t i = 1; i < context.inputs().size(); ++i) {
    SLUICE_TRY_ASSIGN(const TensorView view, context.tensor(i));
    const bool scanned = i > states;
    if (view.dims.size() < (scanned ? 2U : 1U) ||
        (!given.empty() && view.dims[0] != given[0].dims[0]) || view.dims[0] < 1 ||
        (i > states + 1 && view.dims[1] != given[states].dims[1])) {
      return bad_input("its inputs do not share a batch and a length");
    }
    given.push_back(view);
  }
  const std::int64_t batch = given[0].dims[0];
  const std::int64_t longest = given[states].dims[1];
  SLUICE_TRY_ASSIGN(const auto lengths, lengths_of(context, batch, longest));
  const auto& declared = context.graph_outputs("body");
  std::vector<Values> rows(declared.size());  // by output, then by row of the batch
  for (std::int64_t row = 0; row < batch; ++row) {
    Values first;
    for (std::size_t i = 0; i < states; ++i) {
      SLUICE_TRY_ASSIGN(Value value, value_of({.present = true, .tensor = row_of(given[i], row)}));
      first.push_back(std::move(value));
    }
    std::vector<Scanned> scans;
    for (std::size_t i = 0; i < params.scan_inputs; ++i) {
      scans.push_back({.data = row_of(given[states + i], row),
                       .axis = 0,
                       .backwards = at_or(params.input_backwards, i) != 0});
    }
    SLUICE_TRY_ASSIGN(
        Turns turns,
        run_turns(context, std::move(first), scans, lengths[static_cast<std::size_t>(row)]));
    for (std::size_t i = 0; i < states; ++i) {
      if (!turns.states[i].is_tensor()) {
        return bad_input("has a state that is no tensor");
      }
      rows[i].push_back(std::move(turns.states[i]));
    }
    for (std::size_t i = 0; i < turns.outputs.size(); ++i) {
      SLUICE_TRY_ASSIGN(Tensor joined, turns.outputs[i].join(declared[states + i], 0, false));
      SLUICE_TRY_ASSIGN(Tensor longer, stretched(std::move(joined), longest));
      rows[states + i].emplace_back(std::move(longer));
    }
  }
  Values made;
  for (const Values& each : rows) {
    SLUICE_TRY_ASSIGN(Tensor joined, join_rows(each));
    made.emplace_back(std::move(joined));
  }
  return made;
}

Result<Values> run_scan(const ScanParams& params, ValueContext& context) {
  return params.batched ? run_batched(params, context) : run_plain(params, context);
}

}  // namespace

void register_scan(Registry& registry) {
  // Only 8's first input, the lengths, may be left out.
  registry.add({.name = "Scan",
                .since = {8, 9, 11, 16, 19, 21, 23, 24},
                .arity = {0, kAnyNumber - 1, kAnyNumber, false},
                .kernel = value_kernel<parse_scan, run_scan>(),
                .halves = HalfRule::native});
}

}  // namespace sluice::engine
