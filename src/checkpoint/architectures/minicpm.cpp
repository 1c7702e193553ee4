// MiniCPM 1, 2 and 4: Llama with factors of embeddings, residual and logits.
#include "checkpoint/architectures/minicpm.h"

#include <cmath>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {

void read_minicpm_factors(HfReader& in) {
  ModelDescription& model = in.model();
  const auto is_null = [&](std::string_view key) {
    return in.config().contains(key) && !in.config().find(key);
  };
  model.embedding_scale = in.number("scale_emb", 12);
  model.scales_vectors = true;
  if (!is_null("scale_depth"))
    model.wiring.residual_scale = in.number("scale_depth", 1.4) / std::sqrt(static_cast<float>(in.depth()));
  if (!is_null("dim_model_base"))
    model.logit_scale = in.number("dim_model_base", 256) / static_cast<float>(model.hidden);
}

namespace minicpm {

void read_hf(HfReader& in) {
  read_minicpm_factors(in);
  in.biases("attention_bias", false,
            {TensorRole::kQuery, TensorRole::kKey, TensorRole::kValue, TensorRole::kAttentionOut});
}

// Files from before these keys existed have the factors of the first generation.
void read_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  model.embedding_scale = in.number("embedding_scale").value_or(12);
  model.scales_vectors = true;
  model.wiring.residual_scale =
      in.number("residual_scale").value_or(1.4F / std::sqrt(static_cast<float>(in.depth())));
  model.logit_scale = 1 / in.number("logit_scale").value_or(static_cast<float>(model.hidden) / 256);
}

constexpr HfName kNames[] = {{"minicpm", "MiniCPMForCausalLM"}};

}  // namespace minicpm

extern const Architecture kMiniCpm = {.name = "minicpm",
                                      .hf = minicpm::kNames,
                                      .hf_defaults = {.context = 2048, .eps = 1e-6, .tied_head = true},
                                      .gguf_interleaved = true,
                                      .read_hf = minicpm::read_hf,
                                      .read_gguf = minicpm::read_gguf};

}  // namespace ferrum
