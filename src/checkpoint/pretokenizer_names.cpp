#include "checkpoint/pretokenizer_names.h"

#include <array>

namespace ferrum {
namespace {

struct NamedPattern {
  std::string_view name;
  std::string_view pattern;
  bool ignore_merges;  // the name says so as well
};

// The patterns of tokenizer.json files, as published with the models.
constexpr std::array kPatterns = {
    NamedPattern{"qwen2",
                 R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
                 R"(\s*[\r\n]+|\s+(?!\S)|\s+)",
                 false},
    NamedPattern{
        "llama-bpe",
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
        R"(\s*[\r\n]+|\s+(?!\S)|\s+)",
        true},
    NamedPattern{"tekken",
                 R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
                 R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
                 R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
                 true},
};

std::optional<std::string_view> named(const SplitPattern& split, bool ignore_merges) {
  if (split.behavior != SplitBehavior::kIsolated || split.invert) return std::nullopt;
  for (const NamedPattern& known : kPatterns)
    if (split.pattern.text == known.pattern && ignore_merges == known.ignore_merges) return known.name;
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> pretokenizer_name(const std::vector<PretokenizeStep>& steps,
                                                  bool ignore_merges) {
  if (steps.empty() || steps.size() > 2) return std::nullopt;
  const auto* bytes = std::get_if<SplitByteLevel>(&steps.back());
  if (bytes == nullptr || bytes->add_prefix_space) return std::nullopt;
  if (steps.size() == 1) {
    if (ignore_merges || !bytes->use_regex) return std::nullopt;
    return "gpt-2";
  }
  if (const auto* split = std::get_if<SplitPattern>(&steps.front()); split && !bytes->use_regex)
    return named(*split, ignore_merges);
  const auto* digits = std::get_if<SplitDigits>(&steps.front());
  if (digits != nullptr && digits->individually && bytes->use_regex && !ignore_merges) return "smollm";
  return std::nullopt;
}

}  // namespace ferrum
