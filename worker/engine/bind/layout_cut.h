// Which steps keep their values channels-last, so that the fewest bytes are brought from one order
// to the other. Pure: it knows neither steps nor values, only who reads what of whom.
//
// A cut of least weight: every step stands on one of two sides. What a step makes lies in its
// side's order; where a reader stands on the other side, those bytes are reordered, once for all
// such readers. The least cut is found by a greatest flow (Ford and Fulkerson, "Maximal flow
// through a network", 1956; by shortest augmenting paths in levels, Dinic, 1970).

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::engine {

class LayoutCut {
 public:
  using Node = std::uint32_t;
  static constexpr Node kPlain = 0;         // whoever wants rows
  static constexpr Node kChannelsLast = 1;  // whoever wants channels-last

  // A step that takes either order.
  Node add();
  // A value of so many bytes. Values come in the order of the run: of equal cuts, the one that
  // reorders later is taken.
  void connect(Node maker, std::span<const Node> readers, std::int64_t bytes);
  // By node: whether it stands on the side of channels-last. Called once.
  std::vector<bool> solve();

 private:
  struct Edge {
    Node to;
    std::int64_t room;  // what may flow still; the edge back is the next or the one before
  };

  void join(Node from, Node to, std::int64_t room, std::int64_t back);
  bool find_levels();
  bool push();

  std::vector<Edge> edges_;
  std::vector<std::vector<std::uint32_t>> leaving_{2};  // by node, of edges_
  std::vector<std::uint32_t> levels_;                   // steps from kPlain; 0: out of reach
  std::vector<std::size_t> next_;                       // by node, the edge to try
  std::int64_t values_ = 0;
};

}  // namespace sluice::engine
