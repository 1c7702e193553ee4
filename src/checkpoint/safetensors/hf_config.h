// Hugging Face's config.json, as transformers 4 and 5 write it.
//
// Fields and defaults: https://huggingface.co/docs/transformers/main_classes/configuration and the
// configuration classes of the architectures there.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/json_view.h"
#include "checkpoint/model_description.h"
#include "checkpoint/safetensors/fp8_tensors.h"
#include "checkpoint/safetensors/group_quantization.h"
#include "text/token.h"

namespace ferrum {

struct HfConfig {
  ModelDescription model;            // validated; `parameters` not yet counted
  std::vector<TokenId> stop_tokens;  // eos_token_id, as far as it names tokens
  std::optional<GroupQuantization> quantization;
  std::optional<Fp8Quantization> fp8;
  bool is_packed = false;  // packed_tensors.h
};

// `source` is the path of `json`, for messages. Errors: kBadFile (not JSON, a field is missing or has another
// type), kBadConfig (a field is out of range or contradicts another), kUnsupported (an architecture,
// activation, scaling or quantisation that Ferrum does not run; the message says which ones it does).
HfConfig parse_hf_config(std::string_view json, const std::string& source);

// Token ids in a field that is one number or an array of numbers. Entries that name no token of a vocabulary
// of `vocab` are left out with a warning that names file and field.
std::vector<TokenId> token_ids(const JsonView& fields, std::string_view key, int vocab);

}  // namespace ferrum
