// Texts, and pairs of texts, as the tokens that a model which reads them as a whole is made for.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "checkpoint/model_description.h"
#include "text/tokenizer.h"

namespace ferrum {

struct TextTokens {
  std::vector<TokenId> tokens;
  std::vector<int32_t> types;  // of each token
  int unpooled = 0;            // tokens at the beginning that the pooling leaves out: a prompt's
  bool was_cut = false;
};

// kRefused: Error kContextFull with both numbers; kCut: the end of the text, or of the longer one of a pair,
// is left out, as Hugging Face's tokenizers do.
enum class TooLong : uint8_t { kRefused, kCut };

class TextInputs {
 public:
  // Both must outlive this object. Texts have at most `max_tokens` tokens, those around them included.
  TextInputs(const ModelDescription& model, const Tokenizer& tokenizer, int max_tokens);

  // Errors: kBadArgument for a text without any token; kContextFull.
  TextTokens single(std::string_view prompt, std::string_view text, TooLong too_long) const;
  // `instruction`: of a model that reads one (TextHeadDescription::pair_form); empty: its own.
  TextTokens pair(std::string_view first, std::string_view second, TooLong too_long,
                  std::string_view instruction = {}) const;
  // Tokens that come ready, as they are.
  TextTokens ready(std::vector<TokenId> tokens, TooLong too_long) const;

  int max_tokens() const { return max_tokens_; }
  // The prompt of this name; empty: the default one, which may be no prompt. Error kBadArgument listing the
  // names that there are.
  std::string_view prompt(std::string_view name) const;

 private:
  std::vector<TokenId> encode(std::string_view prompt, std::string_view text) const;
  TextTokens in_turns(std::string_view query, std::string_view document, TooLong too_long,
                      std::string_view instruction) const;
  void check_length(const TextTokens& text) const;
  int32_t type_of(int type) const;

  const ModelDescription& model_;
  const Tokenizer& tokenizer_;
  int max_tokens_;
};

// The longest text that the model is made for: its files' limit, and its context.
int longest_text(const ModelDescription& model);

}  // namespace ferrum
