#include "worker/engine/bind/layout_cut.h"

#include <algorithm>
#include <limits>

namespace sluice::engine {
namespace {

// What decides between cuts of the same bytes is less than one byte, summed over kRanks values.
constexpr std::int64_t kRanks = 4096;
constexpr std::int64_t kByte = kRanks * kRanks;
constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max() / 4;

}  // namespace

LayoutCut::Node LayoutCut::add() {
  leaving_.emplace_back();
  return static_cast<Node>(leaving_.size() - 1);
}

void LayoutCut::join(Node from, Node to, std::int64_t room, std::int64_t back) {
  leaving_[from].push_back(static_cast<std::uint32_t>(edges_.size()));
  leaving_[to].push_back(static_cast<std::uint32_t>(edges_.size() + 1));
  edges_.push_back({.to = to, .room = room});
  edges_.push_back({.to = from, .room = back});
}

void LayoutCut::connect(Node maker, std::span<const Node> readers, std::int64_t bytes) {
  const std::int64_t sooner = std::max<std::int64_t>(kRanks - 1 - values_++, 0);
  const std::int64_t weight = std::min(bytes, kUnbounded / kByte - 1) * kByte + sooner;
  std::vector<Node> others(readers.begin(), readers.end());
  std::ranges::sort(others);
  others.erase(std::unique(others.begin(), others.end()), others.end());
  std::erase(others, maker);
  if (others.size() == 1) {
    join(maker, others[0], weight, weight);
  } else if (!others.empty()) {
    // Paid once, however many of them stand on the other side than the maker.
    const Node turned = add();  // with the maker's rows, unless a reader wants channels-last
    const Node back = add();    // with the maker's channels-last, unless a reader wants rows
    join(maker, turned, weight, 0);
    join(back, maker, weight, 0);
    for (const Node reader : others) {
      join(turned, reader, kUnbounded, 0);
      join(reader, back, kUnbounded, 0);
    }
  }
}

bool LayoutCut::find_levels() {
  levels_.assign(leaving_.size(), 0);
  levels_[kPlain] = 1;
  std::vector<Node> reached{kPlain};
  for (std::size_t at = 0; at < reached.size(); ++at) {
    for (const std::uint32_t edge : leaving_[reached[at]]) {
      const Edge& out = edges_[edge];
      if (out.room > 0 && levels_[out.to] == 0) {
        levels_[out.to] = levels_[reached[at]] + 1;
        reached.push_back(out.to);
      }
    }
  }
  return levels_[kChannelsLast] != 0;
}

// As much along one path of rising levels as it holds. False: there is none any more. Without
// recursion: a path may be as long as the model.
bool LayoutCut::push() {
  std::vector<std::uint32_t> path;
  Node at = kPlain;
  while (at != kChannelsLast) {
    std::size_t& next = next_[at];
    while (next < leaving_[at].size()) {
      const Edge& out = edges_[leaving_[at][next]];
      if (out.room > 0 && levels_[out.to] == levels_[at] + 1) {
        break;
      }
      ++next;
    }
    if (next < leaving_[at].size()) {
      path.push_back(leaving_[at][next]);
      at = edges_[path.back()].to;
    } else if (path.empty()) {
      return false;
    } else {
      at = edges_[path.back() ^ 1U].to;  // a dead end
      ++next_[at];
      path.pop_back();
    }
  }
  std::int64_t most = kUnbounded;
  for (const std::uint32_t edge : path) {
    most = std::min(most, edges_[edge].room);
  }
  for (const std::uint32_t edge : path) {
    edges_[edge].room -= most;
    edges_[edge ^ 1U].room += most;
  }
  return true;
}

std::vector<bool> LayoutCut::solve() {
  while (find_levels()) {
    next_.assign(leaving_.size(), 0);
    while (push()) {
    }
  }
  // What has no way to channels-last left stays with the rows, be it tied to nothing.
  std::vector<bool> reaches(leaving_.size(), false);
  reaches[kChannelsLast] = true;
  std::vector<Node> found{kChannelsLast};
  for (std::size_t at = 0; at < found.size(); ++at) {
    for (const std::uint32_t edge : leaving_[found[at]]) {
      const Node from = edges_[edge].to;
      if (edges_[edge ^ 1U].room > 0 && !reaches[from]) {
        reaches[from] = true;
        found.push_back(from);
      }
    }
  }
  return reaches;
}

}  // namespace sluice::engine
