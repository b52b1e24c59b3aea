// ConcatParts (sluice.fused): made by the plan of Slice, Pad and Concat in a row
// (worker/engine/plan/part_chains.cc).
//
// Inputs of one datatype and rank, each of which is cut and padded with zeros (strings: empty
// ones), put beside one another along `axis`, and then cut once more. What is to be done is one
// list of integers, `moves`, six for each move, in the order in which they happen:
//
//   part, 0, axis, start, end, step     cut it, as Slice does
//   part, 1, axis, before, behind, 0    pad it
//
// Part -1 is the whole, which is only cut. `rank` is what the inputs must have where a Pad has said
// nothing of axes, else -1. Types: all. Every element is copied once, from where it is to where it
// will be.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/shape/part_axis.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct Move {
  bool pads = false;
  std::int64_t axis = 0;
  CutRange range{};  // padding: before, behind
};

struct PartsParams {
  std::int64_t axis = 0;
  std::int64_t rank = -1;
  std::vector<std::vector<Move>> parts{};  // by input
  std::vector<Move> whole{};
};

Result<PartsParams> parse_parts(const Node& node) {
  constexpr std::size_t kWidth = 6;
  Attributes attributes(node);
  PartsParams params{.parts = std::vector<std::vector<Move>>(node.inputs.size())};
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  SLUICE_TRY_ASSIGN(params.rank, attributes.integer("rank", -1));
  SLUICE_TRY_ASSIGN(const std::vector<std::int64_t> moves, attributes.integers("moves"));
  SLUICE_TRY(attributes.finish());
  SLUICE_CHECK(moves.size() % kWidth == 0);
  for (auto at = moves.begin(); at != moves.end(); at += kWidth) {
    SLUICE_CHECK(at[0] < static_cast<std::int64_t>(params.parts.size()));
    const Move move{
        .pads = at[1] == 1, .axis = at[2], .range = {.start = at[3], .end = at[4], .step = at[5]}};
    SLUICE_CHECK(at[0] >= 0 || !move.pads);
    (at[0] < 0 ? params.whole : params.parts[static_cast<std::size_t>(at[0])]).push_back(move);
  }
  return params;
}

using Part = std::vector<PartAxis>;  // by dimension

Result<void> move_part(const std::vector<Move>& moves, Part& part) {
  for (const Move& move : moves) {
    SLUICE_TRY_ASSIGN(const std::size_t at, resolve_axis(move.axis, part.size()));
    SLUICE_TRY(move.pads ? part[at].pad(move.range.start, move.range.end)
                         : part[at].cut(move.range));
  }
  return {};
}

bool same_but_for(std::size_t axis, const Part& a, const Part& b) {
  bool same = a.size() == b.size();
  for (std::size_t d = 0; same && d < a.size(); ++d) {
    same = d == axis || a[d].extent == b[d].extent;
  }
  return same;
}

// By input, where its elements come to lie.
Result<std::vector<Part>> parts_of(const PartsParams& params, std::span<const InputFact> inputs) {
  const auto rank = static_cast<std::int64_t>(inputs[0].dims.size());
  if (params.rank >= 0 && params.rank != rank) {
    return bad_input(std::to_string(2 * params.rank) + " pads for " + std::to_string(rank) +
                     " axes");
  }
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, inputs[0].dims.size()));
  std::vector<Part> parts;
  std::int64_t length = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Part& part = parts.emplace_back();
    for (const std::int64_t extent : inputs[i].dims) {
      part.push_back(PartAxis::whole(extent));
    }
    SLUICE_TRY(move_part(params.parts[i], part));
    if (!same_but_for(axis, parts[0], part) || inputs[i].datatype != inputs[0].datatype) {
      return bad_input("what is left of input " + to_string(inputs[0].dims) + " and of input " +
                       to_string(inputs[i].dims) + " cannot be concatenated along axis " +
                       std::to_string(params.axis));
    }
    if (__builtin_add_overflow(length, part[axis].extent, &length)) {
      return bad_input("axis " + std::to_string(params.axis) + " gets longer than int64 counts");
    }
  }
  std::int64_t at = 0;
  for (Part& part : parts) {
    const std::int64_t own = part[axis].extent;
    part[axis].put(at, length);
    at += own;
    SLUICE_TRY(move_part(params.whole, part));
  }
  return parts;
}

Result<OutputFacts> infer_parts(const PartsParams& params, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(const std::vector<Part> parts, parts_of(params, facts.inputs));
  Shape dims;
  for (const PartAxis& axis : parts[0]) {
    dims.push_back(axis.extent);
  }
  return one_output(facts.at(0).datatype, std::move(dims));
}

// The output is filled row by row, each from all parts, so that it stays in the cache: rows are
// what lies behind the first dimensions that every part has whole.
struct PartsBound {
  struct Copy {
    StridedCopy box{};      // of one row
    std::int64_t from = 0;  // where the first row begins
    std::int64_t to = 0;
    Shape row_steps{};  // of the input, by dimension of the rows
  };
  Shape rows{};
  std::int64_t row_size = 1;
  bool has_gaps = false;
  std::vector<Copy> copies{};  // by input
};

// Those dimensions, as many as leave a row that is worth the beginning of it.
std::size_t row_dimensions(const std::vector<Part>& parts, const Shape& extents) {
  constexpr std::int64_t kLeast = 2'048;  // elements
  std::int64_t left = product(extents, 0, extents.size());
  std::size_t taken = 0;
  for (; taken < extents.size(); ++taken) {
    const bool whole = std::ranges::all_of(parts, [&](const Part& part) {
      return part[taken].place == 0 && part[taken].kept == extents[taken];
    });
    left /= std::max<std::int64_t>(extents[taken], 1);
    if (!whole || left < kLeast) {
      break;
    }
  }
  return taken;
}

Part in_memory(const Part& part, Layout layout) {
  Part made;
  for (const std::size_t d : order_in_memory(part.size(), layout)) {
    made.push_back(part[d]);
  }
  return made;
}

Result<PartsBound> bind_parts(const PartsParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(std::vector<Part> parts, parts_of(params, facts));
  const Layout layout = context.outputs[0].layout;
  const Shape out = physical_dims(context.outputs[0].dims, layout);
  for (Part& part : parts) {
    part = in_memory(part, layout);
  }
  const std::size_t split = row_dimensions(parts, out);
  PartsBound bound{.rows = {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(split)},
                   .row_size = product(out, split, out.size())};
  const Shape targets = strides_of(out);
  std::int64_t kept = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Shape sources = strides_of(physical_dims(facts[i].dims, layout));
    PartsBound::Copy copy;
    StridedCopy box;
    std::int64_t count = 1;
    for (std::size_t d = 0; d < out.size(); ++d) {
      const PartAxis& axis = parts[i][d];
      const std::int64_t step = axis.kept > 1 ? axis.step * sources[d] : 0;
      count *= axis.kept;
      copy.from += axis.first * sources[d];
      copy.to += axis.place * targets[d];
      if (d < split) {
        copy.row_steps.push_back(step);
      } else {
        box.extents.push_back(axis.kept);
        box.from.push_back(step);
        box.to.push_back(targets[d]);
      }
    }
    copy.box = merged(box);
    kept += count;
    if (count > 0) {
      bound.copies.push_back(std::move(copy));
    } else {
      bound.copies.push_back({.box = {.extents = {0}, .from = {0}, .to = {0}}});
    }
  }
  bound.has_gaps = kept < context.outputs[0].count;
  return bound;
}

Result<void> run_parts(const PartsParams&, const PartsBound& bound, KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  dispatch_element(y.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const auto fill_rows = [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        T* const to = elements<T>(y) + row * bound.row_size;
        if (bound.has_gaps) {
          std::fill_n(to, bound.row_size, T{});
        }
        for (std::size_t i = 0; i < bound.copies.size(); ++i) {
          const PartsBound::Copy& copy = bound.copies[i];
          const T* from = elements<T>(context.input(i)) + copy.from;
          std::int64_t rest = row;
          for (std::size_t d = bound.rows.size(); d > 0; --d) {
            from += rest % bound.rows[d - 1] * copy.row_steps[d - 1];
            rest /= bound.rows[d - 1];
          }
          copy_strided(copy.box, from, to + copy.to);
        }
      }
    };
    parallel_for(y.count / bound.row_size, 1 + 16'384 / bound.row_size, fill_rows);
  });
  return {};
}

}  // namespace

void register_concat_parts(Registry& registry) {
  registry.add({.name = "ConcatParts",
                .domain = std::string(kFusedDomain),
                .since = {1},
                .arity = {1, kAnyNumber, 1},
                .kernel = bound_kernel<parse_parts, infer_parts, bind_parts, run_parts>(),
                .layout = LayoutRule::follow,
                .halves = HalfRule::native,
                .tame = true});
}

}  // namespace sluice::engine
