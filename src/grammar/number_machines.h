// Machines that read a number of JSON without an exponent, digit by digit.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "grammar/decimal.h"
#include "grammar/machine.h"

namespace ferrum::grammar {

// Common to all: symbols are looked at by their characters, of which '-', '.' and digits count.
class NumberMachine : public Machine {
 public:
  void tell_apart(std::vector<CodePointSet>& sets) const override;
  void bind(const Alphabet& alphabet) override { alphabet_ = &alphabet; }
  uint32_t step(uint32_t state, uint32_t symbol) final;

 protected:
  virtual uint32_t read(uint32_t state, char32_t c) = 0;

 private:
  const Alphabet* alphabet_ = nullptr;
};

// Whether it is a number at all; "-0" is written 0.
class NumberSyntax final : public NumberMachine {
 public:
  uint32_t initial() override { return 0; }
  bool accepts(uint32_t state) override;

 protected:
  uint32_t read(uint32_t state, char32_t c) override;
};

// Whether it has no fraction (accepts_plain), or one that is not zero (accepts_fraction), or one at all.
class FractionMachine final : public NumberMachine {
 public:
  enum class Accepts { kNoPoint, kPoint, kFraction };
  explicit FractionMachine(Accepts accepts) : accepts_(accepts) {}
  uint32_t initial() override { return 0; }
  bool accepts(uint32_t state) override;

 protected:
  uint32_t read(uint32_t state, char32_t c) override;

 private:
  Accepts accepts_;
};

// How it compares with a bound.
class BoundMachine final : public NumberMachine {
 public:
  struct Accepts {
    bool less, equal, greater;
  };
  BoundMachine(const Decimal& bound, Accepts accepts);
  uint32_t initial() override;
  bool accepts(uint32_t state) override;

 protected:
  uint32_t read(uint32_t state, char32_t c) override;

 private:
  bool is_negative_, is_zero_;
  std::string whole_, fraction_;  // the digits of the bound
  Accepts accepts_;
};

// Whether it is a multiple of a divisor.
class DivisorMachine final : public NumberMachine {
 public:
  explicit DivisorMachine(const Decimal& divisor);
  uint32_t initial() override;
  bool accepts(uint32_t state) override;

 protected:
  uint32_t read(uint32_t state, char32_t c) override;

 private:
  struct State {
    uint64_t rest;    // of what was read, without the zeros at its end, divided by divisor_
    uint32_t places;  // zeros at its end, up to zeros_; within the fraction: digits, up to places_
    bool is_fraction;
  };
  uint32_t id_of(State state);

  uint64_t divisor_ = 1;
  uint32_t zeros_ = 0;   // the divisor is divisor_ · 10^zeros_
  uint32_t places_ = 0;  // or divisor_ / 10^places_
  std::vector<State> states_;
  std::unordered_map<uint64_t, uint32_t> ids_;
};

}  // namespace ferrum::grammar
