// A regular expression as a machine: sets of positions in its Thompson automaton, made as they are reached.
// Lookaheads are obligations that positions carry, lookbehinds are machines that run beside from the text's
// beginning, so both are exact wherever they stand.
#pragma once
#include <memory>
#include <vector>

#include "grammar/machine.h"
#include "grammar/refusal.h"
#include "grammar/regex.h"

namespace ferrum::grammar {

class PatternMachine final : public Machine {
 public:
  enum class Mode {
    kWhole,   // the pattern is the text
    kSearch,  // the text contains it
    kPrefix,  // the text begins with it
    kSuffix,  // the text ends with it
  };

  // Refusal with `path`: too large.
  PatternMachine(std::shared_ptr<const Regex> regex, Mode mode, const Limits& limits,
                 const std::string& path);
  PatternMachine(std::shared_ptr<const Regex> regex, uint32_t root, Mode mode, const Limits& limits,
                 const std::string& path);
  ~PatternMachine() override;

  void tell_apart(std::vector<CodePointSet>& sets) const override;
  void bind(const Alphabet& alphabet) override;
  uint32_t initial() override;
  uint32_t step(uint32_t state, uint32_t symbol) override;
  bool accepts(uint32_t state) override;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace ferrum::grammar
