// Transposes on both sides of a Concat, as where exporters join keys of before with those of now
// and give them out the other way round:
//
//   {Transpose p}..., Concat, Transpose r    {Transpose p r}..., Concat
//
// taken where some part's Transpose comes to nothing by it, and every part has one of its own.
// Others who read the Concat get it by one Transpose back, which a product makes its strides
// (turned_products.cc). Any datatype: only where elements lie changes.

#include <algorithm>
#include <utility>

#include "worker/engine/plan/matcher.h"

namespace sluice::engine {
namespace {

using Order = std::vector<std::int64_t>;

class TurnedConcats : Matcher {
 public:
  using Matcher::Matcher;

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "Concat")) {
        SLUICE_TRY(take_concat(i));
      }
    }
    drop_gone();
    return sort_steps(plan_);  // a Transpose back is read before its place
  }

 private:
  // The permutation of a Transpose, where it is written.
  [[nodiscard]] Order order_of(std::size_t step) const;
  [[nodiscard]] std::size_t reading_transpose(std::size_t concat) const;
  [[nodiscard]] std::vector<Order> orders_of_parts(std::size_t concat, const Order& behind) const;
  Result<void> set(std::size_t step, Attribute attribute);
  Result<void> turn_parts(std::size_t concat,
                          const std::vector<Order>& orders,
                          const Order& behind);
  Result<void> take_concat(std::size_t concat);
};

bool is_order(const Order& order) {
  Order sorted = order;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] != static_cast<std::int64_t>(i)) {
      return false;
    }
  }
  return !order.empty();
}

// Of a value in order `first`, the order `second` of that.
Order one_after_another(const Order& first, const Order& second) {
  Order both;
  for (const std::int64_t at : second) {
    both.push_back(first[static_cast<std::size_t>(at)]);
  }
  return both;
}

Order TurnedConcats::order_of(std::size_t step) const {
  for (const Attribute& attribute : node(step).attributes) {
    if (attribute.name == "perm" && is_order(attribute.integers)) {
      return attribute.integers;
    }
  }
  return {};
}

std::size_t TurnedConcats::reading_transpose(std::size_t concat) const {
  const auto& readers = readers_[result(concat)];
  const auto found =
      std::ranges::find_if(readers, [&](std::size_t step) { return is(step, "Transpose"); });
  return found == readers.end() || std::ranges::find(readers, kNone) != readers.end() ? kNone
                                                                                      : *found;
}

// The parts' orders before and behind together; none where the Concat is to stay as it is.
std::vector<Order> TurnedConcats::orders_of_parts(std::size_t concat, const Order& behind) const {
  std::vector<Order> orders;
  bool pays = false;
  for (const ValueId part : node(concat).inputs) {
    const std::size_t step = maker(part, "Transpose");
    const Order before = step == kNone ? Order{} : order_of(step);
    if (before.size() != behind.size() || readers_[part].size() != 1) {
      return {};
    }
    orders.push_back(one_after_another(before, behind));
    pays = pays || std::ranges::is_sorted(orders.back());
  }
  return pays ? orders : std::vector<Order>{};
}

Result<void> TurnedConcats::set(std::size_t step, Attribute attribute) {
  Node changed = node(step);
  std::erase_if(changed.attributes,
                [&](const Attribute& old) { return old.name == attribute.name; });
  changed.attributes.push_back(std::move(attribute));
  SLUICE_TRY_ASSIGN(plan_.steps[step], make_step(std::move(changed), registry_));
  return {};
}

// The parts are what they are behind the Transpose.
Result<void> TurnedConcats::turn_parts(std::size_t concat,
                                       const std::vector<Order>& orders,
                                       const Order& behind) {
  for (std::size_t i = 0; i < orders.size(); ++i) {
    ValueId& part = plan_.steps[concat].node.inputs[i];
    const std::size_t step = makers_[part];
    if (std::ranges::is_sorted(orders[i])) {
      part = node(step).inputs[0];
      std::ranges::replace(readers_[part], step, concat);
      gone_[step] = true;
      continue;
    }
    SLUICE_TRY(set(step, {.name = "perm", .kind = AttributeKind::integers, .integers = orders[i]}));
    if (auto& dims = plan_.typical[part]; dims && dims->size() == behind.size()) {
      dims = one_after_another(*dims, behind);
    }
  }
  return {};
}

Result<void> TurnedConcats::take_concat(std::size_t concat) {
  const std::size_t last = reading_transpose(concat);
  const Order behind = last == kNone ? Order{} : order_of(last);
  const auto rank = static_cast<std::int64_t>(behind.size());
  std::int64_t axis = 1;
  for (const Attribute& attribute : node(concat).attributes) {
    axis = attribute.name == "axis" ? attribute.integer : axis;
  }
  const auto turned_axis = std::ranges::find(behind, axis < 0 ? axis + rank : axis);
  const std::vector<Order> orders = orders_of_parts(concat, behind);
  if (turned_axis == behind.end() || orders.empty()) {
    return {};
  }
  const ValueId before = result(concat);
  const ValueId after = result(last);
  SLUICE_TRY(turn_parts(concat, orders, behind));
  SLUICE_TRY(set(
      concat,
      {.name = "axis", .kind = AttributeKind::integer, .integer = turned_axis - behind.begin()}));
  // The Transpose makes for the others what the Concat was, of what it is.
  Order back(behind.size());
  for (std::size_t i = 0; i < behind.size(); ++i) {
    back[static_cast<std::size_t>(behind[i])] = static_cast<std::int64_t>(i);
  }
  SLUICE_TRY(set(last, {.name = "perm", .kind = AttributeKind::integers, .integers = back}));
  plan_.steps[concat].node.outputs = {after};
  plan_.steps[last].node.inputs = {after};
  plan_.steps[last].node.outputs = {before};
  std::swap(makers_[before], makers_[after]);
  std::erase(readers_[before], last);
  gone_[last] = readers_[before].empty();
  if (!gone_[last]) {
    readers_[after].push_back(last);
  }
  return {};
}

}  // namespace

Result<void> take_turned_concats(Plan& plan, const Registry& registry) {
  return TurnedConcats(plan, registry).run();
}

}  // namespace sluice::engine
