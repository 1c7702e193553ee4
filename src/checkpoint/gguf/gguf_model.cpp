#include "checkpoint/gguf/gguf_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/architecture.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/gguf/gguf_tokenizer.h"

namespace ferrum {
namespace {

const Architecture& find_architecture(const GgufMetadata& metadata) {
  const auto name = metadata.string("general.architecture");
  if (!name) fail(ErrorCode::kBadConfig, "{}: key 'general.architecture' is missing", metadata.source());
  std::string supported;
  for (const Architecture* a : architectures()) {
    if (a->read_gguf == nullptr) continue;
    if (a->gguf_name() == *name) return *a;
    supported += fmt::format("{}{}", supported.empty() ? "" : ", ", a->gguf_name());
  }
  fail(ErrorCode::kUnsupported, "{}: general.architecture is {}; Ferrum runs {}", metadata.source(),
       in_quotes(*name), supported);
}

// A recommendation that cannot be read is no reason to refuse the model.
std::optional<float> sampling_number(const GgufMetadata& metadata, std::string_view name) {
  try {
    const auto value = metadata.number(fmt::format("general.sampling.{}", name));
    return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
  } catch (const Error& e) {
    log::warn("{}; it is ignored", e.what());
    return std::nullopt;
  }
}

}  // namespace

const Architecture& gguf_architecture(const GgufMetadata& metadata) { return find_architecture(metadata); }

ModelDescription describe_gguf(const GgufMetadata& metadata, const TensorTable& tensors) {
  ModelDescription model = GgufReader(metadata, tensors, find_architecture(metadata)).read();
  validate(model, metadata.source());
  return model;
}

GenerationDefaults gguf_generation(const GgufMetadata& metadata, int vocab) {
  GenerationDefaults defaults;
  defaults.temperature = sampling_number(metadata, "temp");
  defaults.top_p = sampling_number(metadata, "top_p");
  defaults.min_p = sampling_number(metadata, "min_p");
  defaults.repetition_penalty = sampling_number(metadata, "penalty_repeat");
  defaults.top_k = sampling_number(metadata, "top_k");
  defaults.source = metadata.source();
  defaults.may_lack_stop_tokens = true;
  for (const char* key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    const auto tokens = static_cast<size_t>(vocab);
    if (!has_gguf_tokenizer(metadata)) warn_of_bad_token_id(metadata, key, tokens);  // else its reader warns
    const std::optional<TokenId> id = find_token_id(metadata, key, tokens);
    auto& stops = defaults.stop_tokens;
    if (id && std::find(stops.begin(), stops.end(), *id) == stops.end()) stops.push_back(*id);
  }
  return defaults;
}

}  // namespace ferrum
