// Where the tokens of a Hugging Face tokenizer stand: files disagree about ids, repeat spellings and leave
// holes, and the tokenizers library goes on in ways of its own (https://github.com/huggingface/tokenizers:
// added_vocabulary.rs), which these are.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/tokenizer/added_token_entry.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

class TokenPlaces {
 public:
  struct Entry {
    std::string spelling;
    int64_t id = 0;
    double score = 0;
  };

  // Fills spec.tokens and spec.aliases with a model's vocabulary. Holes stay without a spelling. Of equal
  // spellings the last one counts; of two tokens with one id the first is what the id decodes to. Warns of
  // all these naming `field`. Error kBadFile: more than a million holes.
  enum class Replaced { kDropped, kStillDecoded };  // a token whose spelling a later one has too
  static void fill(TokenizerSpec& spec, std::vector<Entry> entries, Replaced replaced,
                   std::string_view field);

  // Of a spec that has its model's vocabulary, and perhaps added tokens. It must outlive the object.
  explicit TokenPlaces(TokenizerSpec& spec);

  std::optional<TokenId> find(std::string_view spelling) const;

  // Declares tokens that one file adds (see declare_added). A token that the vocabulary has keeps its id
  // there, another one gets the next id behind the vocabulary, whatever the file says: with a warning that
  // names `source` and the entry's field where that differs.
  struct Addition {
    AddedTokenEntry entry;
    std::string field;
  };
  void add(const std::vector<Addition>& additions, const std::string& source);

 private:
  TokenId next_id() const;
  void put(const std::string& spelling, TokenId id);

  TokenizerSpec& spec_;
  std::unordered_map<std::string, TokenId> ids_;
  size_t model_size_ = 0;  // the spellings of the model's vocabulary
};

}  // namespace ferrum
