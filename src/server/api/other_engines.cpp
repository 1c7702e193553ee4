#include "server/api/other_engines.h"

#include <algorithm>

namespace ferrum::server {
namespace {

struct Field {
  const char* name;
  std::vector<Json> neutral;  // values that ask for the usual behaviour
};

constexpr const char* kUnsupported = "not supported";

// Fields that would change the answer, or what the response says about it.
const std::vector<Field>& unsupported() {
  static const Json kNone = Json::array();
  static const Json kEmpty = Json::object();
  static const std::vector<Field> kFields = {
      // vLLM
      {"skip_special_tokens", {true}},
      {"use_beam_search", {false}},
      {"length_penalty", {1.0}},
      {"early_stopping", {false}},
      {"include_stop_str_in_output", {false}},
      {"truncate_prompt_tokens", {}},
      {"truncation_side", {"left", "right"}},
      {"prompt_logprobs", {}},
      {"allowed_token_ids", {kNone}},
      {"bad_words", {kNone}},
      {"logits_processors", {kNone}},
      {"logit_processors", {kNone}},
      {"vllm_xargs", {kEmpty}},
      {"kv_transfer_params", {kEmpty}},
      {"documents", {kNone}},
      {"chat_template", {}},
      {"mm_processor_kwargs", {kEmpty}},
      {"media_io_kwargs", {kEmpty}},
      {"structural_tag", {""}},
      {"return_tokens_as_token_ids", {false}},
      {"return_token_ids", {false}},
      {"repetition_detection", {kEmpty}},
      // llama-server
      {"grammar_lazy", {false, true}},  // has no effect without a grammar
      {"grammar_triggers", {kNone}},
      {"n_probs", {0}},
      {"post_sampling_probs", {false}},
      {"min_keep", {0, 1}},
      {"n_discard", {0}},
      {"n_indent", {0}},
      {"t_max_prompt_ms", {-1, 0}},
      {"t_max_predict_ms", {-1, 0}},
      {"dynatemp_range", {0}},
      {"tfs_z", {1.0}},
      {"top_n_sigma", {-1, 0}},
      {"penalty_prompt", {}},
      {"image_data", {kNone}},
      {"multimodal_data", {kNone}},
      {"return_tokens", {false}},
      {"response_fields", {kNone}},
      {"adaptive_target", {-1}},
      {"thinking_forced_open", {false}},
      {"reasoning_in_content", {false}},
      {"preserved_tokens", {kNone}},
      {"logit_bias_eog", {kNone}},
      {"generation_prompt", {""}},
      // SGLang
      {"separate_reasoning", {true}},
      {"stream_reasoning", {true}},
      {"no_stop_trim", {false}},
      {"return_hidden_states", {false}},
      {"min_new_tokens", {0}},
      // Mistral
      {"safe_prompt", {false}},
  };
  return kFields;
}

// Fields that concern how an engine works, and further settings of the features above.
const std::vector<Field>& hints() {
  static const std::vector<Field> kFields = {
      // vLLM
      {"spaces_between_special_tokens", {true, false}},  // special tokens are never part of the text
      {"guided_decoding_backend", {}},
      {"request_id", {}},
      // llama-server
      {"cache_prompt", {true}},
      {"id_slot", {-1}},
      {"slot_id", {-1}},
      {"n_cache_reuse", {0}},
      {"return_progress", {false}},
      {"dynatemp_exponent", {1.0}},
      {"adaptive_decay", {0.9}},
      {"penalize_nl", {false, true}},  // llama-server ignores it as well
      {"parse_tool_calls", {false, true}},
      {"chat_format", {}},
      {"backend_sampling", {false}},
      {"sse_ping_interval", {}},
      {"speculative.n_max", {}},
      {"speculative.n_min", {}},
      {"speculative.p_min", {}},
      {"speculative.type", {}},
  };
  return kFields;
}

}  // namespace

void read_other_engines(Fields& body, std::span<const std::string_view> read) {
  for (const Field& field : unsupported())
    if (std::ranges::find(read, field.name) == read.end())
      body.refuse(field.name, kUnsupported, field.neutral);
  for (const Field& field : hints()) body.hint(field.name, field.neutral);
}

}  // namespace ferrum::server
