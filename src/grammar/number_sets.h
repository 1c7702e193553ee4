// Sets of numbers as expressions over bounds, divisors and integers, closed under union, intersection and
// complement.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "grammar/automaton.h"
#include "grammar/decimal.h"
#include "grammar/refusal.h"

namespace ferrum::grammar {

using NumberSetId = uint32_t;

class NumberSets {
 public:
  static constexpr NumberSetId kAll = 0, kNone = 1;
  enum class Integers {
    kByValue,    // 1.0 is one
    kByWriting,  // a number with a fraction or an exponent is none: draft 4
  };

  explicit NumberSets(const Limits& limits);

  NumberSetId integers(Integers which);
  NumberSetId at_least(const Decimal& bound) { return compared(Kind::kAtLeast, bound); }
  NumberSetId at_most(const Decimal& bound) { return compared(Kind::kAtMost, bound); }
  NumberSetId equal_to(const Decimal& value) { return compared(Kind::kEqual, value); }
  // Refusal with `path`: a divisor of too many digits.
  NumberSetId multiples_of(const Decimal& divisor, const std::string& path);
  NumberSetId complement(NumberSetId of);
  NumberSetId all_of(std::vector<NumberSetId> parts) { return combined(Kind::kAnd, std::move(parts)); }
  NumberSetId any_of(std::vector<NumberSetId> parts) { return combined(Kind::kOr, std::move(parts)); }

  // `text` is a number of JSON.
  bool contains(NumberSetId set, std::string_view text) const;
  // The numbers as they are to be written: integers, and what equals a given number, without a fraction where
  // they have none; no exponents but for the set of all. Null: empty.
  std::shared_ptr<const Automaton> automaton(NumberSetId set);

 private:
  enum class Kind : uint8_t { kAll, kNone, kInteger, kAtLeast, kAtMost, kEqual, kMultiple, kNot, kAnd, kOr };
  struct Node {
    Kind kind = Kind::kAll;
    Integers integers = Integers::kByValue;
    Decimal value;
    std::string path;
    std::vector<NumberSetId> parts;
  };

  NumberSetId add(std::string key, Node node);
  NumberSetId compared(Kind kind, const Decimal& bound);
  NumberSetId combined(Kind kind, std::vector<NumberSetId> parts);
  bool contains(NumberSetId set, std::string_view text, const Decimal& value) const;

  struct Atoms;  // the machines of an expression
  bool evaluate(NumberSetId set, const Atoms& atoms, std::span<const uint32_t> states, bool is_negated) const;
  void find_atoms(NumberSetId set, Atoms& atoms, bool is_negated) const;

  const Limits& limits_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string, NumberSetId> ids_;
  std::unordered_map<NumberSetId, std::shared_ptr<const Automaton>> automata_;
};

// Every number of JSON as it is to be written (exponents of up to two digits), every integer, and every way
// of writing a number.
std::shared_ptr<const Automaton> automaton_of_all_numbers();
std::shared_ptr<const Automaton> automaton_of_integers();
std::shared_ptr<const Automaton> automaton_of_number_texts();

}  // namespace ferrum::grammar
