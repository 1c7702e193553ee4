#include "checkpoint/gguf/pretokenizer_names.h"

#include <array>
#include <string>
#include <vector>

#include "checkpoint/gguf/gguf_pretokenizers.h"

namespace ferrum {
namespace {

// Of several names for the same, the one that most models have goes first.
constexpr std::array<std::string_view, 18> kNames = {
    "gpt-2",  "llama-bpe",    "qwen2",          "deepseek-r1-qwen", "tekken",  "gpt-4o",     "smollm",
    "qwen35", "deepseek-llm", "deepseek-coder", "deepseek-v3",      "kimi-k2", "exaone-moe", "bailingmoe",
    "falcon", "bloom",        "superbpe",       "modern-bert"};

bool is_nfc(const std::vector<NormalizeStep>& steps) {
  const auto* unicode = steps.size() == 1 ? std::get_if<NormalizeUnicode>(&steps.front()) : nullptr;
  return unicode != nullptr && unicode->form == unicode::Form::kNfc;
}

// The steps as splits that isolate what they match; nothing where they are more than that.
std::optional<std::vector<std::string>> patterns_of(const std::vector<PretokenizeStep>& steps) {
  std::vector<std::string> patterns;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (const auto* split = std::get_if<SplitPattern>(&steps[i])) {
      if (split->pattern.kind != TextPattern::Kind::kRegex || split->behavior != SplitBehavior::kIsolated ||
          split->invert)
        return std::nullopt;
      patterns.push_back(split->pattern.text);
    } else if (const auto* digits = std::get_if<SplitDigits>(&steps[i]); digits && digits->individually) {
      patterns.emplace_back(R"(\p{N})");
    } else if (const auto* bytes = std::get_if<SplitByteLevel>(&steps[i])) {
      if (bytes->add_prefix_space || i + 1 != steps.size()) return std::nullopt;
      if (bytes->use_regex) patterns.push_back(find_gguf_pretokenizer("gpt-2")->patterns.front());
    } else {
      return std::nullopt;
    }
  }
  return patterns;
}

}  // namespace

std::optional<std::string_view> gguf_pretokenizer_name(const TokenizerSpec& spec) {
  const auto* bpe = std::get_if<BpeSpec>(&spec.model);
  const auto patterns = patterns_of(spec.pretokenizer);
  const bool nfc = is_nfc(spec.normalizer);
  if (bpe == nullptr || !patterns || (!nfc && !spec.normalizer.empty())) return std::nullopt;
  for (const std::string_view name : kNames) {
    const auto known = find_gguf_pretokenizer(name);
    if (known && known->patterns == *patterns && known->nfc == nfc &&
        known->ignore_merges == bpe->ignore_merges)
      return name;
  }
  return std::nullopt;
}

}  // namespace ferrum
