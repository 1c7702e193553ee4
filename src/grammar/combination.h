// Unions and intersections of sets that are numbered expressions: what the parts come to by themselves.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace ferrum::grammar {

// Of an intersection the set of all is neutral and the empty one absorbs; of a union the other way round.
struct SetIds {
  uint32_t neutral;
  uint32_t absorbing;
};

// The parts to be combined, ascending; none where a set that is there already is the result.
struct Combination {
  std::vector<uint32_t> parts;
  uint32_t set = 0;
};

// `nodes` have a kind and parts, by number. Nested combinations of the same kind are flattened; a set and its
// complement (Kind::kNot) together absorb all.
template <class Node, class Kind>
Combination combine(const std::vector<Node>& nodes, Kind kind, const std::vector<uint32_t>& parts,
                    const SetIds& ids) {
  std::vector<uint32_t> flat;
  for (const uint32_t part : parts) {
    if (part == ids.absorbing) return {{}, part};
    if (nodes[part].kind == kind)
      flat.insert(flat.end(), nodes[part].parts.begin(), nodes[part].parts.end());
    else if (part != ids.neutral)
      flat.push_back(part);
  }
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  for (const uint32_t part : flat)
    if (nodes[part].kind == Kind::kNot && std::binary_search(flat.begin(), flat.end(), nodes[part].parts[0]))
      return {{}, ids.absorbing};
  if (flat.empty()) return {{}, ids.neutral};
  if (flat.size() == 1) return {{}, flat[0]};
  return {std::move(flat)};
}

}  // namespace ferrum::grammar
