// An added token as tokenizer.json and tokenizer_config.json describe it.
#pragma once
#include <string>

#include "checkpoint/json_view.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

struct AddedTokenEntry {
  std::string content;
  int64_t id = 0;  // as the file has it, which may not be where the token comes to stand
  bool special = false;
  bool normalized = false;
  AddedToken token;  // the rest; its id and where it is looked for are not set
};

AddedTokenEntry read_added_token(const JsonView& json);  // all but the id

// The added token of `spec` that the entry describes, with this id.
AddedToken added_token(const TokenizerSpec& spec, const AddedTokenEntry& entry, TokenId id);

// Makes the token of `spec` with this id an added one, in place of an earlier declaration.
void declare_added(TokenizerSpec& spec, const AddedTokenEntry& entry, TokenId id);

}  // namespace ferrum
