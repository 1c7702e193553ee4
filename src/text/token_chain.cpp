#include "text/token_chain.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/decode_step.h"

namespace ferrum {
namespace {

using Texts = std::vector<std::string>;

std::string joined(const Texts& texts) {
  std::string all;
  for (const std::string& text : texts) all += text;
  return all;
}

// A run of bytes is one text; one that is not UTF-8 is a U+FFFD for each byte.
Texts with_runs_of_bytes(const Texts& texts) {
  Texts out;
  std::string run;
  const auto end_run = [&] {
    if (run.empty()) return;
    if (utf8::is_valid(run))
      out.push_back(run);
    else
      out.insert(out.end(), run.size(), std::string("\uFFFD"));
    run.clear();
  };
  for (const std::string& text : texts) {
    if (const auto byte = byte_of_spelling(text)) {
      run += static_cast<char>(*byte);
      continue;
    }
    end_run();
    out.push_back(text);
  }
  end_run();
  return out;
}

TokenPlace place_of(size_t i, size_t count) {
  if (i == 0) return count == 1 ? TokenPlace::kOnly : TokenPlace::kFirst;
  return i + 1 == count ? TokenPlace::kLast : TokenPlace::kInside;
}

}  // namespace

TokenChain::TokenChain(const std::vector<DecodeStep>& steps, const Vocabulary& vocabulary)
    : vocabulary_(vocabulary), steps_(steps) {
  for (const DecodeStep& step : steps_) regexes_.push_back(regex_of(step, vocabulary.source()));
  log::warn("{}: decoder changes tokens by their neighbours: answers come at their end, and not as a stream",
            vocabulary.source());
}

std::string TokenChain::decode(std::span<const TokenId> ids) const {
  Texts texts;
  for (const TokenId id : ids)
    if (vocabulary_.contains(id)) texts.push_back(vocabulary_[id].spelling);
  for (size_t i = 0; i < steps_.size(); ++i) {
    const bool is_ctc = std::holds_alternative<DecodeCtc>(steps_[i]);
    if (std::holds_alternative<DecodeByteFallback>(steps_[i])) {
      texts = with_runs_of_bytes(texts);
      continue;
    }
    if (is_ctc) texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    for (size_t at = 0; at < texts.size(); ++at)
      texts[at] = decode_one(steps_[i], regexes_[i].get(), place_of(at, texts.size()), std::move(texts[at]));
    if (is_ctc) std::erase(texts, std::string());
    if (std::holds_alternative<DecodeFuse>(steps_[i])) texts = {joined(texts)};
    if (std::holds_alternative<DecodeByteLevel>(steps_[i])) texts = {utf8::sanitized(joined(texts))};
  }
  return joined(texts);
}

}  // namespace ferrum
