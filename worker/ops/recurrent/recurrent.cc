#include "worker/ops/recurrent/recurrent.h"

#include <string_view>

#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<RecurrentParams> parse_common(const Node& node,
                                     Cell cell,
                                     std::span<const std::string_view> activations,
                                     Attributes& attributes) {
  RecurrentParams params{.cell = cell};
  SLUICE_TRY_ASSIGN(const std::string direction, attributes.text("direction", "forward"));
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    return Error{ErrorCode::data_corrupt, "direction is '" + direction + "'"};
  }
  params.directions = direction == "bidirectional" ? 2 : 1;
  params.starts_reverse = direction == "reverse";
  SLUICE_TRY_ASSIGN(
      params.activations,
      parse_gates(attributes, activations, static_cast<std::size_t>(params.directions)));
  SLUICE_TRY_ASSIGN(params.clip, attributes.real("clip", 0));
  if (attributes.has("clip") && !(params.clip > 0)) {
    return Error{ErrorCode::data_corrupt, "clip is " + std::to_string(params.clip)};
  }
  SLUICE_TRY_ASSIGN(params.hidden, attributes.integer("hidden_size", 0));
  if (node.since >= 14) {
    SLUICE_TRY_ASSIGN(const std::int64_t layout, attributes.integer("layout", 0));
    if (layout != 0 && layout != 1) {
      return Error{ErrorCode::data_corrupt, "layout is " + std::to_string(layout)};
    }
    params.batch_first = layout == 1;
  }
  if (node.since < 7) {
    attributes.ignore("output_sequence");  // whether Y is there is said by its name
  }
  return params;
}

// "X", "W" and so on, for error texts.
constexpr const char* kNames[] = {
    "X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"};

Result<void> check_input(const InputFacts& facts, std::size_t input, const Shape& wanted) {
  if (!facts.has(input)) {
    return {};
  }
  const InputFact& fact = facts.at(input);
  const DataType datatype =
      input == kRecurrentLengths ? DataType::int32 : facts.at(kRecurrentX).datatype;
  if (fact.datatype != datatype || !std::ranges::equal(fact.dims, wanted)) {
    return bad_input(std::string(kNames[input]) + " is " + std::string(name_of(fact.datatype)) +
                     to_string(fact.dims) + ", not " + std::string(name_of(datatype)) +
                     to_string(wanted));
  }
  return {};
}

}  // namespace

Result<RecurrentParams> parse_rnn(const Node& node) {
  constexpr std::string_view kDefaults[] = {"Tanh"};
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(RecurrentParams params, parse_common(node, Cell::rnn, kDefaults, attributes));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<RecurrentParams> parse_gru(const Node& node) {
  constexpr std::string_view kDefaults[] = {"Sigmoid", "Tanh"};
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(RecurrentParams params, parse_common(node, Cell::gru, kDefaults, attributes));
  if (node.since >= 3) {
    SLUICE_TRY_ASSIGN(const std::int64_t behind, attributes.integer("linear_before_reset", 0));
    params.resets_behind = behind != 0;
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<RecurrentParams> parse_lstm(const Node& node) {
  constexpr std::string_view kDefaults[] = {"Sigmoid", "Tanh", "Tanh"};
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(RecurrentParams params, parse_common(node, Cell::lstm, kDefaults, attributes));
  SLUICE_TRY_ASSIGN(const std::int64_t couples, attributes.integer("input_forget", 0));
  params.couples_forget = couples != 0;
  SLUICE_TRY(attributes.finish());
  return params;
}

RecurrentShape recurrent_shape(const RecurrentParams& params, Dims x, Dims r) {
  return {.steps = x[params.batch_first ? 1 : 0],
          .batch = x[params.batch_first ? 0 : 1],
          .features = x[2],
          .hidden = r[2],
          .gates = gates_of(params.cell),
          .directions = params.directions,
          .batch_first = params.batch_first};
}

RecurrentRoom recurrent_room(const RecurrentParams& params, const RecurrentShape& shape) {
  RecurrentRoom room;
  const auto take = [&](std::int64_t elements) {
    const std::int64_t at = room.total;
    room.total += (elements + 15) / 16 * 16;  // the next part begins at a whole cache line
    return at;
  };
  const std::int64_t states = shape.batch * shape.hidden;
  room.inputs = take(shape.steps * shape.batch * shape.width());
  room.bias = take(shape.width());
  room.recurrent = take(shape.batch * shape.width());
  room.last = take(params.splits_r() ? states : 0);
  room.reset = take(params.splits_r() ? states : 0);
  room.h = take(states);
  room.c = take(params.cell == Cell::lstm ? states : 0);
  return room;
}

Result<OutputFacts> infer_recurrent(const RecurrentParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(kRecurrentX);
  const InputFact& r = facts.at(kRecurrentR);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() != 3 || r.dims.size() != 3) {
    return bad_input("X " + to_string(x.dims) + " and R " + to_string(r.dims) +
                     " do not have three dimensions");
  }
  const RecurrentShape shape = recurrent_shape(params, x.dims, r.dims);
  if (params.hidden != 0 && params.hidden != shape.hidden) {
    return bad_input("hidden_size is " + std::to_string(params.hidden) + ", R " +
                     to_string(r.dims) + " has " + std::to_string(shape.hidden));
  }
  const std::int64_t directions = shape.directions;
  const Shape state = shape.batch_first ? Shape{shape.batch, directions, shape.hidden}
                                        : Shape{directions, shape.batch, shape.hidden};
  SLUICE_TRY(check_input(facts, kRecurrentW, {directions, shape.width(), shape.features}));
  SLUICE_TRY(check_input(facts, kRecurrentR, {directions, shape.width(), shape.hidden}));
  SLUICE_TRY(check_input(facts, kRecurrentB, {directions, 2 * shape.width()}));
  SLUICE_TRY(check_input(facts, kRecurrentLengths, {shape.batch}));
  SLUICE_TRY(check_input(facts, kRecurrentInitialH, state));
  SLUICE_TRY(check_input(facts, kRecurrentInitialC, state));
  SLUICE_TRY(check_input(facts, kRecurrentPeepholes, {directions, 3 * shape.hidden}));
  OutputFacts made =
      one_output(x.datatype,
                 shape.batch_first ? Shape{shape.batch, shape.steps, directions, shape.hidden}
                                   : Shape{shape.steps, directions, shape.batch, shape.hidden});
  made.resize(params.cell == Cell::lstm ? 3 : 2, {.datatype = x.datatype, .dims = state});
  return made;
}

}  // namespace sluice::engine
