// Text to token ids and back, for every kind of vocabulary in checkpoints.
//
// A tokenizer is made from a TokenizerSpec (tokenizer_spec.h), the common form of tokenizer.json,
// tokenizer.model and GGUF metadata. It is immutable, and many threads may use it at once. Encoding takes
// time linear (for merges: n log n) in the text, whatever the text.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/token.h"

namespace ferrum {

struct TokenizerSpec;

// A part of what one text or two become: the tokens of a text, or a token between them.
struct TemplatePart {
  int text = -1;  // 0: the first, 1: the second; −1: the token
  TokenId token = 0;
  int type = 0;  // of the part's tokens, for models that tell the texts of a pair apart
};

struct EncodeOptions {
  bool add_special = true;  // add the tokens that the vocabulary puts around a text (BOS, EOS, [CLS] … [SEP])
};

class WholeTextSteps;

class Tokenizer {
 public:
  // Throws kBadFile naming the field (fault B21). Special ids that no token has are dropped with a warning.
  static std::unique_ptr<const Tokenizer> make(TokenizerSpec spec);
  virtual ~Tokenizer() = default;

  // Malformed UTF-8 is encoded as U+FFFD where the vocabulary has no bytes to spell it.
  virtual std::vector<TokenId> encode(std::span<const TextSpan> spans,
                                      const EncodeOptions& options = {}) const = 0;
  std::vector<TokenId> encode(const TextSpan& span, const EncodeOptions& options = {}) const {
    return encode(std::span(&span, 1), options);
  }

  // Ids are 0 … size() - 1. Other ids are allowed, since models pad their tables: they have no spelling and
  // no text.
  virtual int size() const = 0;
  // The token as the vocabulary file spells it ("Ġthe", "▁the", "<0x0A>").
  virtual std::string_view spelling(TokenId id) const = 0;
  virtual TokenKind kind(TokenId id) const = 0;
  virtual std::optional<TokenId> find(std::string_view spelling) const = 0;

  // The bytes that `id` adds to a text at this place, not always whole characters. For control tokens, their
  // spelling.
  virtual std::string bytes_at(TokenId id, TokenPlace place) const = 0;
  std::string bytes(TokenId id) const { return bytes_at(id, TokenPlace::kInside); }
  // How many U+FFFD replace bytes that are not a character: depends on the vocabulary's own
  // library.
  enum class BrokenBytes { kOneForEach, kOneForSequence };
  // The differences between a text and the concatenated bytes of its tokens.
  struct TextRules {
    BrokenBytes broken_bytes = BrokenBytes::kOneForSequence;
    bool repeats_count_once = false;              // a token that repeats the previous one adds nothing
    bool last_differs = false;                    // the last token of a text has other bytes than one inside
    std::shared_ptr<const WholeTextSteps> whole;  // on the joined text; null: nothing
  };
  virtual const TextRules& text_rules() const = 0;
  // The text of `ids`, including the decoder's rules for the beginning of a text (SentencePiece drops one
  // space there). Control tokens are left out unless `with_control`.
  virtual std::string decode(std::span<const TokenId> ids, bool with_control = false) const = 0;

  struct Special {
    std::optional<TokenId> bos, eos, unk, pad;
    bool add_bos = false;  // what add_special adds, for callers that build prompts themselves
    bool add_eos = false;
    // What a pair of texts becomes; a single text has what add_special adds.
    std::vector<TemplatePart> pair;
    std::vector<TokenId> before, after;  // a single text, as add_special adds
    // Tokens for filling in the middle, if the file names them.
    std::optional<TokenId> fim_prefix, fim_suffix, fim_middle, fim_pad, fim_repository, fim_file;
  };
  virtual const Special& special() const = 0;
};

}  // namespace ferrum
