#include "grammar/schema/formulas.h"

#include <algorithm>

namespace ferrum::grammar {

using Kind = Formula::Kind;

Formulas::Formulas(Languages& languages, NumberSets& numbers) : languages_(languages), numbers_(numbers) {
  add({.kind = Kind::kTrue});
  add({.kind = Kind::kFalse});
}

FormulaId Formulas::add(Formula node) {
  std::string key;
  const auto put = [&](uint32_t value) { key.append(reinterpret_cast<const char*>(&value), sizeof value); };
  put(static_cast<uint32_t>(node.kind));
  put(node.a);
  put(node.b);
  put(node.least);
  put(node.most);
  for (const FormulaId part : node.parts) put(part);
  const auto [place, is_new] = ids_.emplace(std::move(key), static_cast<FormulaId>(nodes_.size()));
  if (is_new) nodes_.push_back(std::move(node));
  return place->second;
}

FormulaId Formulas::all_of(std::vector<FormulaId> parts) {
  std::vector<FormulaId> flat;
  for (const FormulaId part : parts) {
    if (part == kFalse) return kFalse;
    if (nodes_[part].kind == Kind::kAnd)
      flat.insert(flat.end(), nodes_[part].parts.begin(), nodes_[part].parts.end());
    else if (part != kTrue)
      flat.push_back(part);
  }
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  if (flat.empty()) return kTrue;
  if (flat.size() == 1) return flat[0];
  return add({.kind = Kind::kAnd, .parts = std::move(flat)});
}

FormulaId Formulas::any_of(std::vector<FormulaId> parts, const std::string& keyword,
                           const std::string& path) {
  std::vector<FormulaId> flat;
  uint32_t types = 0;
  for (const FormulaId part : parts) {
    if (part == kTrue) return kTrue;
    if (nodes_[part].kind == Kind::kOr)
      flat.insert(flat.end(), nodes_[part].parts.begin(), nodes_[part].parts.end());
    else if (nodes_[part].kind == Kind::kType)
      types |= nodes_[part].a;
    else if (part != kFalse)
      flat.push_back(part);
  }
  if (types != 0) flat.push_back(type(types));
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  if (std::find(flat.begin(), flat.end(), kTrue) != flat.end()) return kTrue;
  if (flat.empty()) return kFalse;
  if (flat.size() == 1) return flat[0];
  return add({.kind = Kind::kOr, .parts = std::move(flat), .keyword = keyword, .path = path});
}

FormulaId Formulas::negation(FormulaId of) {
  const auto known = negations_.find(of);
  if (known != negations_.end()) return known->second;
  const FormulaId made = negation_of_node(of);
  negations_[of] = made;
  return made;
}

FormulaId Formulas::negation_of_node(FormulaId of) {
  const Formula& node = nodes_[of];
  switch (node.kind) {
    case Kind::kTrue:
      return kFalse;
    case Kind::kFalse:
      return kTrue;
    case Kind::kAnd:
    case Kind::kOr: {
      std::vector<FormulaId> parts;
      for (const FormulaId part : node.parts) parts.push_back(negation(part));
      return node.kind == Kind::kOr ? all_of(std::move(parts)) : any_of(std::move(parts), "not", node.path);
    }
    case Kind::kSchema:
      return add({.kind = Kind::kSchema, .a = node.a, .b = 1 - node.b});
    case Kind::kType:
      return type(kAllBits & ~node.a);
    case Kind::kText:
      return typed(kStringBit, text(languages_.complement(node.a)));
    case Kind::kNumber:
      return typed(kNumberBit, number(numbers_.complement(node.a)));
    case Kind::kMembers:
      return typed(kObjectBit, some_member(node.a, negation(node.b)));
    case Kind::kSomeMember:
      return typed(kObjectBit, members(node.a, negation(node.b)));
    case Kind::kMemberCount:
    case Kind::kItemCount: {
      const bool is_object = node.kind == Kind::kMemberCount;
      const auto count = [&](uint32_t least, uint32_t most) {
        return is_object ? member_count(least, most) : item_count(least, most);
      };
      std::vector<FormulaId> parts;
      if (node.least > 0) parts.push_back(count(0, node.least - 1));
      if (node.most != UINT32_MAX) parts.push_back(count(node.most + 1, UINT32_MAX));
      return typed(is_object ? kObjectBit : kArrayBit, any_of(std::move(parts), "not", node.path));
    }
    case Kind::kItems: {
      const FormulaId other = negation(node.b);
      if (node.most == UINT32_MAX) return typed(kArrayBit, contains(node.least, other, 1, UINT32_MAX));
      return all_of(
          {type(kArrayBit), item_count(node.least + 1, UINT32_MAX), items(node.least, node.least, other)});
    }
    case Kind::kContains: {
      std::vector<FormulaId> parts;
      if (node.least > 0) parts.push_back(contains(node.a, node.b, 0, node.least - 1));
      if (node.most != UINT32_MAX) parts.push_back(contains(node.a, node.b, node.most + 1, UINT32_MAX));
      return typed(kArrayBit, any_of(std::move(parts), "not", node.path));
    }
    case Kind::kUnique:
      return typed(kArrayBit, add({.kind = Kind::kNotUnique, .keyword = "not", .path = node.path}));
    case Kind::kNotUnique:
      return typed(kArrayBit, unique(node.path));
  }
  return kFalse;
}

FormulaId Formulas::type(uint32_t bits) {
  if (bits == kAllBits) return kTrue;
  if (bits == 0) return kFalse;
  return add({.kind = Kind::kType, .a = bits});
}

FormulaId Formulas::text(LanguageId language) {
  if (language == Languages::kAll) return kTrue;
  if (language == Languages::kNone) return type(kAllBits & ~kStringBit);
  return add({.kind = Kind::kText, .a = language});
}

FormulaId Formulas::number(NumberSetId set) {
  if (set == NumberSets::kAll) return kTrue;
  if (set == NumberSets::kNone) return type(kAllBits & ~kNumberBit);
  return add({.kind = Kind::kNumber, .a = set});
}

FormulaId Formulas::members(LanguageId names, FormulaId fit) {
  // A listed name is kept even where anything fits: it gives the member its place.
  if (names == Languages::kNone || (fit == kTrue && !languages_.list_of(names))) return kTrue;
  return add({.kind = Kind::kMembers, .a = names, .b = fit});
}

FormulaId Formulas::some_member(LanguageId names, FormulaId fits) {
  if (names == Languages::kNone || fits == kFalse) return type(kAllBits & ~kObjectBit);
  return add({.kind = Kind::kSomeMember, .a = names, .b = fits});
}

FormulaId Formulas::member_count(uint32_t least, uint32_t most) {
  if (least > most) return type(kAllBits & ~kObjectBit);
  if (least == 0 && most == UINT32_MAX) return kTrue;
  return add({.kind = Kind::kMemberCount, .least = least, .most = most});
}

FormulaId Formulas::items(uint32_t least, uint32_t most, FormulaId fit) {
  if (fit == kTrue) return kTrue;
  return add({.kind = Kind::kItems, .b = fit, .least = least, .most = most});
}

FormulaId Formulas::item_count(uint32_t least, uint32_t most) {
  if (least > most) return type(kAllBits & ~kArrayBit);
  if (least == 0 && most == UINT32_MAX) return kTrue;
  return add({.kind = Kind::kItemCount, .least = least, .most = most});
}

FormulaId Formulas::contains(uint32_t from, FormulaId fit, uint32_t least, uint32_t most) {
  if (least > most) return type(kAllBits & ~kArrayBit);
  if (least == 0 && most == UINT32_MAX) return kTrue;
  if (most == 0) return items(from, UINT32_MAX, negation(fit));
  if (fit == kFalse) return least == 0 ? kTrue : type(kAllBits & ~kArrayBit);
  if (fit == kTrue && from == 0) return item_count(least, most);
  return add({.kind = Kind::kContains, .a = from, .b = fit, .least = least, .most = most});
}

FormulaId Formulas::unique(const std::string& path) {
  return add({.kind = Kind::kUnique, .keyword = "uniqueItems", .path = path});
}

}  // namespace ferrum::grammar
