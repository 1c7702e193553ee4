// Sets of texts as expressions over patterns, lists and lengths, closed under union, intersection and
// complement. Equal expressions have one id.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "grammar/automaton.h"
#include "grammar/id_lists.h"
#include "grammar/refusal.h"
#include "grammar/regex.h"
#include "grammar/rule_syntax.h"

namespace ferrum::grammar {

using LanguageId = uint32_t;

class Languages {
 public:
  static constexpr LanguageId kAll = 0, kNone = 1;

  explicit Languages(const Limits& limits);

  LanguageId texts(std::vector<std::u32string> list);
  // Texts that contain a match of `pattern`; `keyword` and `path` are for refusals.
  LanguageId pattern(const std::string& pattern, const std::string& keyword, const std::string& path);
  // A format, whose pattern is the same for every grammar.
  LanguageId format(const std::string& name, const std::string& pattern, const std::string& path);
  // The texts of a grammar in Lark's notation. Where its rules contain themselves it stands alone: Refusal
  // at the first use of anything but rules_of().
  LanguageId lark(const std::string& source, const std::string& path);
  const RuleSyntax* rules_of(LanguageId language) const { return nodes_[language].rules.get(); }
  LanguageId length(uint32_t least, uint32_t most);
  LanguageId complement(LanguageId of);
  LanguageId all_of(std::vector<LanguageId> parts);
  LanguageId any_of(std::vector<LanguageId> parts);

  bool contains(LanguageId language, const std::u32string& text);
  // The list of a language that is one, in its order.
  const std::vector<std::u32string>* list_of(LanguageId language) const;
  // The texts of all lists in its expression.
  void find_texts(LanguageId language, std::vector<std::u32string>& texts) const;
  bool has_patterns(
      LanguageId language) const;  // or lengths: whether it tells texts apart that no list names

  bool is_empty(LanguageId language);
  // Accepting states are marked by interval. Null: the language is empty.
  std::shared_ptr<const Automaton> automaton(LanguageId language);
  // Of texts that are in none of `listed`'s: state marks are i + 1 for listed text i, listed.size() + 1 + the
  // number of the combination for others: bit b of `combinations[number]` is whether the text is in
  // `told_apart[b]`.
  struct Names {
    Automaton::Builder builder;
    std::vector<uint64_t> combinations;
  };
  Names names(const std::vector<std::u32string>& listed, const std::vector<LanguageId>& told_apart,
              const std::string& path);

 private:
  enum class Kind : uint8_t { kAll, kNone, kTexts, kPattern, kRules, kLength, kNot, kAnd, kOr };
  struct Node {
    Kind kind = Kind::kAll;
    std::vector<std::u32string> texts;
    std::shared_ptr<const Regex> regex;
    std::shared_ptr<const RuleSyntax> rules;
    std::string keyword, path;
    uint32_t least = 0, most = kUnbounded;
    std::vector<LanguageId> parts;
  };

  LanguageId add(std::string key, Node node);
  LanguageId meet(std::vector<LanguageId> parts);
  LanguageId unite(const std::vector<LanguageId>& parts);
  LanguageId combined(Kind kind, std::vector<LanguageId> parts);
  void find_atoms(LanguageId language, std::vector<LanguageId>& atoms) const;
  std::unique_ptr<Machine> machine_of(const Node& node) const;
  // `is_in` says whether the text is in an atom.
  bool evaluate(LanguageId language, const std::unordered_map<LanguageId, bool>& is_in) const;
  bool evaluate_outside_lists(LanguageId language) const;  // of a text that no list names
  // What a language's automaton is the product of, and what its states say.
  struct Product {
    std::vector<std::unique_ptr<Machine>> machines;
    std::vector<LanguageId> of_machine, lengths;
    std::vector<uint32_t> thresholds;
    std::string keyword = "pattern", path;
  };
  Product product_of(LanguageId language) const;
  // A bit for each interval of counts in which the texts that led to `states` are of the language.
  uint32_t marks(LanguageId language, const Product& of, std::span<const uint32_t> states) const;
  std::optional<bool> has_text(LanguageId language) const;
  std::shared_ptr<const Automaton> build(LanguageId language);

  const Limits& limits_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string, LanguageId> ids_;
  ByIdList<LanguageId> meets_, unions_;  // what all_of and any_of have given
  std::unordered_map<LanguageId, std::shared_ptr<const Automaton>> automata_;
  std::unordered_map<LanguageId, std::unordered_set<std::u32string>> long_lists_;
  size_t total_states_ = 0;
};

// The automaton of all texts, which every grammar shares.
std::shared_ptr<const Automaton> automaton_of_all_texts();

}  // namespace ferrum::grammar
