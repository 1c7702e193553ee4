// Deterministic machines over the symbols of an alphabet, whose states are made as they are reached. A
// product of machines becomes an Automaton.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "grammar/code_points.h"

namespace ferrum::grammar {

// Code points that no machine of a product tells apart are one symbol.
class Alphabet {
 public:
  struct Interval {
    char32_t first, last;
    uint32_t symbol;
  };

  explicit Alphabet(const std::vector<CodePointSet>& told_apart);

  uint32_t size() const { return static_cast<uint32_t>(representatives_.size()); }
  char32_t representative(uint32_t symbol) const { return representatives_[symbol]; }
  const std::vector<Interval>& intervals() const { return intervals_; }  // ascending, all code points

 private:
  std::vector<Interval> intervals_;
  std::vector<char32_t> representatives_;
};

class Machine {
 public:
  static constexpr uint32_t kDead = UINT32_MAX;

  virtual ~Machine() = default;
  // The sets of code points that it tells apart, appended to `sets`.
  virtual void tell_apart(std::vector<CodePointSet>& sets) const = 0;
  virtual void bind(const Alphabet& alphabet) = 0;  // once, before everything below
  virtual uint32_t initial() = 0;
  virtual uint32_t step(uint32_t state, uint32_t symbol) = 0;  // of a state that is not kDead
  virtual bool accepts(uint32_t state) = 0;
};

// Some texts, of which each has an index.
class LiteralMachine final : public Machine {
 public:
  explicit LiteralMachine(const std::vector<std::u32string>& texts);
  void tell_apart(std::vector<CodePointSet>& sets) const override;
  void bind(const Alphabet& alphabet) override { alphabet_ = &alphabet; }
  uint32_t initial() override { return 0; }
  uint32_t step(uint32_t state, uint32_t symbol) override;
  bool accepts(uint32_t state) override { return index_of(state) >= 0; }
  int index_of(uint32_t state) const { return state == kDead ? -1 : nodes_[state].index; }

 private:
  struct Node {
    std::vector<std::pair<char32_t, uint32_t>> children;
    int index = -1;
  };
  std::vector<Node> nodes_;
  const Alphabet* alphabet_ = nullptr;
};

// From `least` to `most` characters.
class LengthMachine final : public Machine {
 public:
  LengthMachine(uint32_t least, uint32_t most) : least_(least), most_(most) {}
  void tell_apart(std::vector<CodePointSet>& /*sets*/) const override {}
  void bind(const Alphabet& /*alphabet*/) override {}
  uint32_t initial() override { return 0; }
  uint32_t step(uint32_t state, uint32_t symbol) override;
  bool accepts(uint32_t state) override { return state != kDead && state >= least_; }

 private:
  uint32_t least_, most_;
};

}  // namespace ferrum::grammar
