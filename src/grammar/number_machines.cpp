#include "grammar/number_machines.h"

#include <algorithm>

namespace ferrum::grammar {
namespace {

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }

}  // namespace

void NumberMachine::tell_apart(std::vector<CodePointSet>& sets) const {
  for (const char32_t c : std::u32string_view(U"-.0123456789")) sets.push_back(CodePointSet({{c, c}}));
}

uint32_t NumberMachine::step(uint32_t state, uint32_t symbol) {
  return read(state, alphabet_->representative(symbol));
}

// 0 start, 1 "-", 2 "0", 3 "-0", 4 digits, 5 point, 6 fraction.
uint32_t NumberSyntax::read(uint32_t state, char32_t c) {
  if (c == '-') return state == 0 ? 1 : kDead;
  if (c == '.') return state >= 2 && state <= 4 ? 5 : kDead;
  if (!is_digit(c)) return kDead;
  if (state >= 5) return 6;
  if (state == 4) return 4;
  if (state >= 2) return kDead;
  return c != '0' ? 4 : state == 0 ? 2 : 3;
}

bool NumberSyntax::accepts(uint32_t state) { return state == 2 || state == 4 || state == 6; }

// 0 no point, 1 a fraction of zeros, 2 another one.
uint32_t FractionMachine::read(uint32_t state, char32_t c) {
  if (c == '.') return state == 0 ? 1 : kDead;
  return state == 1 && is_digit(c) && c != '0' ? 2 : state;
}

bool FractionMachine::accepts(uint32_t state) {
  switch (accepts_) {
    case Accepts::kNoPoint:
      return state == 0;
    case Accepts::kPoint:
      return state > 0;
    case Accepts::kFraction:
      return state == 2;
  }
  return false;
}

namespace {

// A state of BoundMachine: how the digits so far compare with as many of the bound's, and how many they are.
struct BoundState {
  bool is_negative = false;
  bool is_fraction = false;
  uint32_t order = 1;  // 0 less, 1 equal, 2 greater
  uint32_t place = 0;

  static BoundState of(uint32_t state) {
    return {(state & 1) != 0, (state & 2) != 0, state >> 2 & 3, state >> 4};
  }
  uint32_t packed() const {
    return (is_negative ? 1U : 0U) | (is_fraction ? 2U : 0U) | order << 2 | place << 4;
  }
};

uint32_t order_of(char a, char b) { return a < b ? 0 : a > b ? 2 : 1; }

}  // namespace

BoundMachine::BoundMachine(const Decimal& bound, Accepts accepts)
    : is_negative_(bound.is_negative()), is_zero_(bound.is_zero()), accepts_(accepts) {
  const std::string& digits = bound.digits();
  const int64_t whole = static_cast<int64_t>(digits.size()) + bound.exponent();
  if (bound.exponent() >= 0) {
    whole_ = digits + std::string(is_zero_ ? 0 : static_cast<size_t>(bound.exponent()), '0');
  } else if (whole > 0) {
    whole_ = digits.substr(0, static_cast<size_t>(whole));
    fraction_ = digits.substr(static_cast<size_t>(whole));
  } else {
    fraction_ = std::string(static_cast<size_t>(-whole), '0') + digits;
  }
}

uint32_t BoundMachine::initial() { return BoundState{}.packed(); }

uint32_t BoundMachine::read(uint32_t state, char32_t c) {
  BoundState s = BoundState::of(state);
  if (c == '-') {
    s.is_negative = true;
  } else if (c == '.') {
    if (s.place != whole_.size()) s.order = s.place < whole_.size() ? 0 : 2;
    s.is_fraction = true;
    s.place = 0;
  } else if (!is_digit(c)) {
    return kDead;
  } else if (!s.is_fraction) {
    if (s.place == 0 && c == '0') return state;  // the number is 0 or a fraction
    if (s.place < whole_.size() && s.order == 1) s.order = order_of(static_cast<char>(c), whole_[s.place]);
    s.place = std::min<uint32_t>(s.place + 1, static_cast<uint32_t>(whole_.size()) + 1);
  } else if (s.order == 1) {
    const char other = s.place < fraction_.size() ? fraction_[s.place] : '0';
    s.order = order_of(static_cast<char>(c), other);
    s.place = s.order == 1 ? std::min<uint32_t>(s.place + 1, static_cast<uint32_t>(fraction_.size())) : 0;
  }
  return s.packed();
}

bool BoundMachine::accepts(uint32_t state) {
  const BoundState s = BoundState::of(state);
  uint32_t order = s.order;
  if (!s.is_fraction && s.place != whole_.size()) order = s.place < whole_.size() ? 0 : 2;
  if (order == 1 && (s.is_fraction ? s.place : 0) < fraction_.size()) order = 0;  // its last digit is no zero
  if (s.is_negative && is_negative_)
    order = 2 - order;
  else if (s.is_negative)
    order = is_zero_ && order == 1 ? 1 : 0;
  else if (is_negative_)
    order = 2;
  return order == 0 ? accepts_.less : order == 1 ? accepts_.equal : accepts_.greater;
}

DivisorMachine::DivisorMachine(const Decimal& divisor) {
  divisor_ = 0;
  for (const char c : divisor.digits()) divisor_ = divisor_ * 10 + static_cast<uint64_t>(c - '0');
  if (divisor.exponent() >= 0)
    zeros_ = static_cast<uint32_t>(divisor.exponent());
  else
    places_ = static_cast<uint32_t>(-divisor.exponent());
}

// A rest has at most 20 bits, places are fewer than 1024.
uint32_t DivisorMachine::id_of(State state) {
  const uint64_t key = state.rest * 2048 + state.places * 2 + (state.is_fraction ? 1 : 0);
  const auto [place, is_new] = ids_.emplace(key, static_cast<uint32_t>(states_.size()));
  if (is_new) states_.push_back(state);
  return place->second;
}

uint32_t DivisorMachine::initial() { return id_of({0, zeros_, false}); }

uint32_t DivisorMachine::read(uint32_t state, char32_t c) {
  State s = states_[state];
  if (c == '-') return state;
  if (c == '.') {
    if (!accepts(state) && zeros_ > 0) return kDead;
    return id_of({s.rest, 0, true});
  }
  if (!is_digit(c)) return kDead;
  const uint64_t digit = c - '0';
  if (s.is_fraction) {
    if (s.places == places_) return digit == 0 ? state : kDead;
    return id_of({static_cast<uint64_t>((static_cast<unsigned __int128>(s.rest) * 10 + digit) % divisor_),
                  s.places + 1, true});
  }
  unsigned __int128 rest = s.rest;
  if (digit == 0 && s.places < zeros_) return id_of({s.rest, s.places + 1, false});
  if (digit == 0) return id_of({static_cast<uint64_t>(rest * 10 % divisor_), zeros_, false});
  for (uint32_t i = 0; i < s.places + 1; ++i) rest = rest * 10 % divisor_;
  return id_of({static_cast<uint64_t>((rest + digit) % divisor_), 0, false});
}

bool DivisorMachine::accepts(uint32_t state) {
  const State& s = states_[state];
  if (!s.is_fraction && s.places < zeros_) return false;
  unsigned __int128 rest = s.rest;
  for (uint32_t i = s.is_fraction ? s.places : 0; i < places_; ++i) rest = rest * 10 % divisor_;
  return rest % divisor_ == 0;
}

}  // namespace ferrum::grammar
