// Text to token ids and back, for every kind of vocabulary that checkpoints carry.
//
// A tokenizer is made from a TokenizerSpec (tokenizer_spec.h), which tokenizer.json, tokenizer.model and GGUF
// metadata are all turned into. It is immutable and may be used by many threads at once. Encoding takes time
// linear (for merges: n log n) in the text, whatever the text.
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

struct EncodeOptions {
  bool add_special = true;  // what the vocabulary puts around a text (BOS, EOS, [CLS] … [SEP])
};

class Tokenizer {
 public:
  // Error kBadFile naming the field: holes, ids past the vocabulary, merges of unknown tokens (fault B21).
  static std::unique_ptr<const Tokenizer> make(TokenizerSpec spec);
  virtual ~Tokenizer() = default;

  // Broken UTF-8 is encoded as U+FFFD where the vocabulary has no bytes to spell it.
  virtual std::vector<TokenId> encode(std::span<const TextSpan> spans,
                                      const EncodeOptions& options = {}) const = 0;
  std::vector<TokenId> encode(const TextSpan& span, const EncodeOptions& options = {}) const {
    return encode(std::span(&span, 1), options);
  }

  // Ids are 0 … size() - 1. Others (models pad their tables) may be asked for as well: they spell and add
  // nothing.
  virtual int size() const = 0;
  // The token as the vocabulary file spells it ("Ġthe", "▁the", "<0x0A>").
  virtual std::string_view spelling(TokenId id) const = 0;
  virtual TokenKind kind(TokenId id) const = 0;
  virtual std::optional<TokenId> find(std::string_view spelling) const = 0;

  // The bytes that `id` adds to a text at a place (not always whole characters). Control tokens give their
  // spelling.
  virtual std::string bytes_at(TokenId id, TokenPlace place) const = 0;
  std::string bytes(TokenId id) const { return bytes_at(id, TokenPlace::kInside); }
  // How many U+FFFD stand in a text for bytes that make no character: what the vocabulary's own library
  // gives.
  enum class BrokenBytes { kOneForEach, kOneForSequence };
  // What a text is besides the bytes of its tokens side by side.
  struct TextRules {
    BrokenBytes broken_bytes = BrokenBytes::kOneForSequence;
    bool repeats_count_once = false;  // a token that follows itself adds nothing
    bool last_differs = false;        // a text's last token gives other bytes than one inside
    std::string stripped;             // is removed from the text's start and end,
    size_t most_at_start = 0;         // at most this often
    size_t most_at_end = 0;
  };
  virtual const TextRules& text_rules() const = 0;
  // The text of `ids`, with what the decoder does at the text's beginning (SentencePiece drops one space
  // there). Control tokens are left out unless `with_control`.
  virtual std::string decode(std::span<const TokenId> ids, bool with_control = false) const = 0;

  struct Special {
    std::optional<TokenId> bos, eos, unk, pad;
    bool add_bos = false;  // what add_special does, for those who build prompts themselves
    bool add_eos = false;
    // For filling in the middle, where the file says them.
    std::optional<TokenId> fim_prefix, fim_suffix, fim_middle, fim_repository, fim_file;
  };
  virtual const Special& special() const = 0;
};

}  // namespace ferrum
