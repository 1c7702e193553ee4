// What a grammar costs: the CPU time to compile it, and that of each mask while texts are followed.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/token_matcher.h"
#include "text/tokenizer.h"

namespace ferrum::cli {

struct GrammarTask {
  std::string name;
  grammar::Spec spec;
  std::vector<std::string> texts;  // to follow; none: some are drawn from the masks
};

// The schema files below a folder, by name. A file that holds {"schema": …, "tests": [{"data": …, "valid":
// …}]}, as those of MaskBench do, brings its valid instances. Errors name the file.
std::vector<GrammarTask> schema_tasks(const std::filesystem::path& folder, grammar::Spec like);

class GrammarBench {
 public:
  // `tokenizer` outlives it.
  GrammarBench(const Tokenizer& tokenizer, uint64_t seed);

  void run(const GrammarTask& task);
  // Figures of all tasks so far, and the names of the `slowest` of them.
  std::string table(size_t slowest) const;
  std::string json() const;

 private:
  struct Cost {
    std::string name;
    double compile_ms = 0, mask_us = 0;  // of masks the longest
  };
  void follow(grammar::TokenMatcher matcher, const std::string& text, Cost& cost);
  void draw(grammar::TokenMatcher matcher, uint64_t key, Cost& cost);
  void measure_mask(const grammar::TokenMatcher& matcher, Cost& cost);

  const Tokenizer& tokenizer_;
  uint64_t seed_;
  std::shared_ptr<const grammar::Vocabulary> vocabulary_;
  std::vector<uint32_t> words_;
  std::vector<Cost> costs_;
  std::vector<double> mask_us_;
  size_t refused_ = 0, texts_ = 0, rejected_ = 0;
};

}  // namespace ferrum::cli
