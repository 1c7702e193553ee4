// Conjunctions of what is said of an array, as shapes.
#include <algorithm>

#include "grammar/object_rules.h"
#include "grammar/schema/expander.h"

namespace ferrum::grammar {
namespace {

using Kind = Formula::Kind;
constexpr uint32_t kMaxPrefix = 4096;

}  // namespace

Expander::ArrayParts Expander::array_parts(const Conjunction& atoms) {
  ArrayParts out;
  for (const FormulaId atom : atoms) {
    const Formula& node = formulas_[atom];
    if (node.kind == Kind::kItemCount) {
      out.least = std::max(out.least, node.least);
      out.most = std::min(out.most, node.most);
    } else if (node.kind == Kind::kItems) {
      out.prefix = std::max(out.prefix, node.most == UINT32_MAX ? node.least : node.most + 1);
    } else if (node.kind == Kind::kContains) {
      out.prefix = std::max(out.prefix, node.a);
      out.counted.push_back(node);
    } else if (node.kind == Kind::kUnique) {
      out.is_unique = true;
      out.unique_path = node.path;
    } else if (node.kind == Kind::kNotUnique) {
      throw Refusal("uniqueItems", node.path, "its negation is not supported");
    }
  }
  if (out.prefix > kMaxPrefix) throw Refusal("prefixItems", "#", "there are too many of them");
  return out;
}

Expander::Conjunction Expander::item_fit(const Conjunction& atoms, uint32_t index) {
  Conjunction fit;
  for (const FormulaId atom : atoms)
    if (const Formula& node = formulas_[atom];
        node.kind == Kind::kItems && node.least <= index && index <= node.most)
      fit.push_back(node.b);
  return fit;
}

bool Expander::is_array_inhabited(const Conjunction& atoms) {
  const ArrayParts parts = array_parts(atoms);
  if (parts.least > parts.most) return false;
  if (parts.counted.empty() && !parts.is_unique) {
    for (uint32_t i = 0; i < std::min(parts.least, parts.prefix + 1); ++i)
      if (is_empty(goal(item_fit(atoms, i)))) return false;
    return true;
  }
  if (parts.counted.empty() && parts.least == 0) return true;
  return array_shape(atoms).has_value();
}

std::optional<ArrayShape> Expander::array_shape(const Conjunction& atoms) {
  const ArrayParts parts = array_parts(atoms);
  ArrayShape out;
  out.least = parts.least;
  out.most = parts.most;
  const size_t counted = parts.counted.size();
  if (counted > ArrayShape::kMaxCounted) throw Refusal("contains", "#", "too many of them meet in one array");
  for (const Formula& one : parts.counted) out.counted.push_back({one.least, one.most});
  const auto position = [&](uint32_t index) {
    ArrayShape::Position position;
    const Conjunction fit = item_fit(atoms, index);
    for (uint32_t set = 0; set < 1U << counted; ++set) {
      Conjunction all = fit;
      bool is_possible = true;
      for (size_t k = 0; k < counted; ++k) {
        const Formula& one = parts.counted[k];
        if (set >> k & 1) {
          is_possible = is_possible && index >= one.a;
          all.push_back(one.b);
        } else if (one.most != UINT32_MAX && index >= one.a) {
          all.push_back(formulas_.negation(one.b));
        }
      }
      const uint32_t wanted = is_possible ? goal(all) : 0;
      position.push_back(is_possible && !is_empty(wanted) ? build(wanted) : kNoGoal);
    }
    return position;
  };
  const auto is_none = [](const ArrayShape::Position& p) {
    return std::all_of(p.begin(), p.end(), [](GoalId goal) { return goal == kNoGoal; });
  };
  for (uint32_t i = 0; i < std::min(parts.prefix, out.most); ++i) {
    out.prefix.push_back(position(i));
    if (is_none(out.prefix.back())) out.most = i;
  }
  out.rest = position(parts.prefix);
  if (is_none(out.rest)) out.most = std::min(out.most, parts.prefix);
  if (out.least > out.most) return std::nullopt;
  if (counted > 1) {
    bool is_simple = out.most == UINT32_MAX;
    for (size_t k = 0; k < counted; ++k)
      is_simple = is_simple && out.counted[k].most == UINT32_MAX && out.rest[size_t{1} << k] != kNoGoal;
    if (!is_simple) throw Refusal("contains", "#", "several of them meet in one array that is bounded");
  }
  if (parts.is_unique && out.most > 1) {
    out.is_unique = true;
    const auto rest = values_of(goal(item_fit(atoms, parts.prefix)), 0);
    bool is_endless = rest == UINT32_MAX;
    for (uint32_t i = 0; i < out.prefix.size(); ++i)
      is_endless = is_endless && values_of(goal(item_fit(atoms, i)), 0) == UINT32_MAX;
    if (!is_endless && out.most <= out.prefix.size()) {
      is_endless = true;
      for (uint32_t i = 0; i < out.prefix.size(); ++i)
        is_endless = is_endless && values_of(goal(item_fit(atoms, i)), 0) == UINT32_MAX;
    }
    if (!is_endless) {
      if (!rest || !out.prefix.empty() || counted > 0)
        throw Refusal("uniqueItems", parts.unique_path,
                      "the items' values may run out in ways that are not followed");
      out.values = *rest;
      out.most = std::min(out.most, *rest);
      if (out.least > out.most) return std::nullopt;
    }
  }
  const Ref<ArrayFrame> empty(new ArrayFrame(out, {}, false));
  if (!can_finish(*empty)) return std::nullopt;
  return out;
}

}  // namespace ferrum::grammar
