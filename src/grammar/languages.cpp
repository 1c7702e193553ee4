#include "grammar/languages.h"

#include <algorithm>
#include <optional>
#include <set>

#include "grammar/combination.h"
#include "grammar/lark_parser.h"
#include "grammar/pattern_machine.h"

namespace ferrum::grammar {
namespace {

// The number of characters that every match has; nothing where they differ.
std::optional<uint32_t> fixed_length(const Regex& regex, uint32_t n) {
  using Kind = RegexNode::Kind;
  const RegexNode& node = regex.nodes[n];
  if (node.kind == Kind::kEmpty) return 0;
  if (node.kind == Kind::kSet) {
    const auto& ranges = regex.sets[node.set].ranges();
    if (regex.has_code_units && !ranges.empty() && ranges.back().last > 0xD7FF) return std::nullopt;
    return 1;
  }
  if (node.kind != Kind::kConcatenation) return std::nullopt;
  uint32_t sum = 0;
  for (const uint32_t child : node.children) {
    const auto one = fixed_length(regex, child);
    if (!one) return std::nullopt;
    sum += *one;
  }
  return sum;
}

// A pattern ^…[set]{m,n}…$ whose other parts have fixed lengths is the one with * in its place, with a
// length: which costs a counter instead of n copies.
struct Counted {
  Regex regex;
  uint32_t least, most;
};
std::optional<Counted> counted(const Regex& regex) {
  using Kind = RegexNode::Kind;
  constexpr uint32_t kWorthwhile = 32;
  const RegexNode& root = regex.nodes[regex.root];
  if (root.kind != Kind::kConcatenation || root.children.size() < 3) return std::nullopt;
  if (regex.nodes[root.children.front()].kind != Kind::kBegin ||
      regex.nodes[root.children.back()].kind != Kind::kEnd)
    return std::nullopt;
  uint32_t fixed = 0;
  std::optional<uint32_t> repeat;
  for (size_t i = 1; i + 1 < root.children.size(); ++i) {
    const RegexNode& child = regex.nodes[root.children[i]];
    if (child.kind == Kind::kRepeat && !repeat && fixed_length(regex, child.children[0]) == 1 &&
        regex.nodes[child.children[0]].kind == Kind::kSet) {
      repeat = root.children[i];
      continue;
    }
    const auto length = fixed_length(regex, root.children[i]);
    if (!length) return std::nullopt;
    fixed += *length;
  }
  if (!repeat) return std::nullopt;
  const RegexNode& node = regex.nodes[*repeat];
  if (std::max(node.least, node.most == kUnbounded ? 0 : node.most) < kWorthwhile) return std::nullopt;
  Counted out = {regex, fixed + node.least, node.most == kUnbounded ? kUnbounded : fixed + node.most};
  out.regex.nodes[*repeat].least = 0;
  out.regex.nodes[*repeat].most = kUnbounded;
  return out;
}

}  // namespace

Languages::Languages(const Limits& limits) : limits_(limits) {
  add("all", {.kind = Kind::kAll});
  add("none", {.kind = Kind::kNone});
}

LanguageId Languages::add(std::string key, Node node) {
  const auto [place, is_new] = ids_.emplace(std::move(key), static_cast<LanguageId>(nodes_.size()));
  if (is_new) nodes_.push_back(std::move(node));
  return place->second;
}

LanguageId Languages::texts(std::vector<std::u32string> list) {
  if (list.empty()) return kNone;
  std::set<std::u32string> seen;
  std::erase_if(list, [&](const std::u32string& text) { return !seen.insert(text).second; });
  std::string key = "texts";
  for (const std::u32string& text : list) {
    key += '\0';
    key.append(reinterpret_cast<const char*>(text.data()), text.size() * sizeof(char32_t));
    key += "\xFF\xFF\xFF\xFF";
  }
  return add(std::move(key), {.kind = Kind::kTexts, .texts = std::move(list)});
}

LanguageId Languages::pattern(const std::string& pattern, const std::string& keyword,
                              const std::string& path) {
  const std::string key = "pattern" + pattern;
  if (const auto known = ids_.find(key); known != ids_.end()) return known->second;
  Regex regex = parse_regex(pattern, path);
  if (auto split = counted(regex)) {
    const LanguageId loop = add(key + "\xFF*", {.kind = Kind::kPattern,
                                                .regex = std::make_shared<Regex>(std::move(split->regex)),
                                                .keyword = keyword,
                                                .path = path});
    return ids_[key] = all_of({loop, length(split->least, split->most)});
  }
  return add(key, {.kind = Kind::kPattern,
                   .regex = std::make_shared<Regex>(std::move(regex)),
                   .keyword = keyword,
                   .path = path});
}

LanguageId Languages::lark(const std::string& source, const std::string& path) {
  const std::string key = "lark" + source;
  if (const auto known = ids_.find(key); known != ids_.end()) return known->second;
  auto syntax = std::make_shared<const RuleSyntax>(parse_lark(source, limits_));
  if (std::optional<Regex> regex = as_regex(*syntax, limits_)) {
    using Of = RegexNode::Kind;
    const uint32_t begin = regex->add({.kind = Of::kBegin}), end = regex->add({.kind = Of::kEnd});
    regex->root = regex->add_list(Of::kConcatenation, {begin, regex->root, end});
    const LanguageId whole = add(key + "\xFF=", {.kind = Kind::kPattern,
                                                 .regex = std::make_shared<Regex>(std::move(*regex)),
                                                 .keyword = "x-lark",
                                                 .path = path});
    try {
      automaton(whole);
      return ids_[key] = whole;
    } catch (const Refusal&) {  // too large, once all rules are written out
    }
  }
  return add(key, {.kind = Kind::kRules, .rules = std::move(syntax), .keyword = "x-lark", .path = path});
}

LanguageId Languages::length(uint32_t least, uint32_t most) {
  if (least > most) return kNone;
  if (least == 0 && most == kUnbounded) return kAll;
  return add("length" + std::to_string(least) + "," + std::to_string(most),
             {.kind = Kind::kLength, .least = least, .most = most});
}

LanguageId Languages::complement(LanguageId of) {
  if (of == kAll) return kNone;
  if (of == kNone) return kAll;
  if (nodes_[of].kind == Kind::kNot) return nodes_[of].parts[0];
  return add("not" + std::to_string(of), {.kind = Kind::kNot, .parts = {of}});
}

LanguageId Languages::combined(Kind kind, std::vector<LanguageId> parts) {
  const bool is_and = kind == Kind::kAnd;
  Combination found = combine(nodes_, kind, parts, is_and ? SetIds{kAll, kNone} : SetIds{kNone, kAll});
  if (found.parts.empty()) return found.set;
  std::string key = is_and ? "and" : "or";
  for (const LanguageId part : found.parts) key += "," + std::to_string(part);
  return add(std::move(key), {.kind = kind, .parts = std::move(found.parts)});
}

LanguageId Languages::all_of(std::vector<LanguageId> parts) {
  if (const auto known = meets_.find(parts); known != meets_.end()) return known->second;
  const LanguageId met = meet(parts);
  meets_.emplace(std::move(parts), met);
  return met;
}

LanguageId Languages::any_of(std::vector<LanguageId> parts) {
  if (const auto known = unions_.find(parts); known != unions_.end()) return known->second;
  const LanguageId united = unite(parts);
  unions_.emplace(std::move(parts), united);
  return united;
}

LanguageId Languages::meet(std::vector<LanguageId> parts) {
  // What is in a list can be looked at text by text.
  for (size_t i = 0; i < parts.size(); ++i) {
    if (nodes_[parts[i]].kind != Kind::kTexts) continue;
    std::vector<std::u32string> kept = nodes_[parts[i]].texts;
    if (parts.size() == 1) return parts[0];
    std::erase_if(kept, [&](const std::u32string& text) {
      return !std::all_of(parts.begin(), parts.end(), [&](LanguageId part) { return contains(part, text); });
    });
    return texts(std::move(kept));
  }
  return combined(Kind::kAnd, std::move(parts));
}

LanguageId Languages::unite(const std::vector<LanguageId>& parts) {
  std::vector<std::u32string> listed;
  std::vector<LanguageId> others;
  for (const LanguageId part : parts) {
    if (nodes_[part].kind == Kind::kTexts)
      listed.insert(listed.end(), nodes_[part].texts.begin(), nodes_[part].texts.end());
    else
      others.push_back(part);
  }
  if (!listed.empty()) others.push_back(texts(std::move(listed)));
  return combined(Kind::kOr, std::move(others));
}

const std::vector<std::u32string>* Languages::list_of(LanguageId language) const {
  return nodes_[language].kind == Kind::kTexts ? &nodes_[language].texts : nullptr;
}

void Languages::find_texts(LanguageId language, std::vector<std::u32string>& texts) const {
  const Node& node = nodes_[language];
  texts.insert(texts.end(), node.texts.begin(), node.texts.end());
  for (const LanguageId part : node.parts) find_texts(part, texts);
}

bool Languages::has_patterns(LanguageId language) const {
  const Node& node = nodes_[language];
  if (node.kind == Kind::kPattern || node.kind == Kind::kRules || node.kind == Kind::kLength) return true;
  return std::any_of(node.parts.begin(), node.parts.end(),
                     [&](LanguageId part) { return has_patterns(part); });
}

bool Languages::contains(LanguageId language, const std::u32string& text) {
  const Node& node = nodes_[language];
  switch (node.kind) {
    case Kind::kAll:
      return true;
    case Kind::kNone:
      return false;
    case Kind::kTexts: {
      constexpr size_t kShort = 8;
      if (node.texts.size() <= kShort)
        return std::find(node.texts.begin(), node.texts.end(), text) != node.texts.end();
      auto& texts = long_lists_[language];
      if (texts.empty()) texts.insert(node.texts.begin(), node.texts.end());
      return texts.contains(text);
    }
    case Kind::kLength:
      return text.size() >= node.least && text.size() <= node.most;
    case Kind::kNot:
      return !contains(node.parts[0], text);
    case Kind::kAnd:
    case Kind::kOr: {
      const std::vector<LanguageId> parts = node.parts;
      const bool all = node.kind == Kind::kAnd;
      for (const LanguageId part : parts)
        if (contains(part, text) != all) return !all;
      return all;
    }
    case Kind::kPattern:
    case Kind::kRules:
      break;
  }
  const std::shared_ptr<const Automaton> machine = automaton(language);
  uint32_t state = 0;
  if (!machine) return false;
  for (const char32_t c : text)
    if ((state = machine->next(state, c)) == Automaton::kDead) return false;
  return machine->accepts(state, 0);
}

void Languages::find_atoms(LanguageId language, std::vector<LanguageId>& atoms) const {
  const Node& node = nodes_[language];
  if (node.kind == Kind::kTexts || node.kind == Kind::kPattern || node.kind == Kind::kRules ||
      node.kind == Kind::kLength) {
    if (std::find(atoms.begin(), atoms.end(), language) == atoms.end()) atoms.push_back(language);
    return;
  }
  for (const LanguageId part : node.parts) find_atoms(part, atoms);
}

}  // namespace ferrum::grammar
