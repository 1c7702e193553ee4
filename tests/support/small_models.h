// The smallest models that open: a GGUF file and a Hugging Face folder, to be changed by a test before they
// are written.
#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/file_bytes.h"

namespace ferrum::test {

// layers 2, hidden 8, heads 2 of size 4, one key/value head, ffn 16, vocabulary 10
class SmallGguf {
 public:
  using Shape = std::vector<uint64_t>;

  explicit SmallGguf(std::string architecture = "llama") : architecture_(std::move(architecture)) {
    set("block_count", 2);
    set("embedding_length", 8);
    set("feed_forward_length", 16);
    set("attention.head_count", 2);
    set("attention.head_count_kv", 1);
    set("context_length", 64);
    tensors = {{"token_embd.weight", {10, 8}}, {"output_norm.weight", {8}}, {"output.weight", {10, 8}}};
    for (const char* layer : {"blk.0.", "blk.1."}) {
      const auto add = [&](const std::string& name, const Shape& shape) { tensors[layer + name] = shape; };
      add("attn_norm.weight", {8});
      add("ffn_norm.weight", {8});
      add("attn_q.weight", {8, 8});
      add("attn_k.weight", {4, 8});
      add("attn_v.weight", {4, 8});
      add("attn_output.weight", {8, 8});
      add("ffn_gate.weight", {16, 8});
      add("ffn_up.weight", {16, 8});
      add("ffn_down.weight", {8, 16});
    }
  }

  std::map<std::string, Shape> tensors;      // float32 zeros
  std::map<std::string, uint32_t> integers;  // keys below the architecture
  GgufBytes others;                          // further keys, and the header's fields

  void set(const std::string& name, uint32_t value) { integers[name] = value; }
  std::string key(const std::string& name) const { return architecture_ + "." + name; }

  std::string build() const {
    GgufBytes file = others;
    if (!architecture_.empty()) file.string("general.architecture", architecture_);
    file.f32(key("attention.layer_norm_rms_epsilon"), 1e-5f);
    for (const auto& [name, value] : integers) file.u32(key(name), value);
    for (const auto& [name, shape] : tensors) file.f32_tensor(name, shape);
    return file.build();
  }

 private:
  std::string architecture_;
};

// The same model as a folder.
class SmallHf {
 public:
  using Shape = std::vector<int64_t>;

  SmallHf() {
    config = {{"model_type", "llama"},
              {"architectures", {"LlamaForCausalLM"}},
              {"vocab_size", 10},
              {"hidden_size", 8},
              {"intermediate_size", 16},
              {"num_hidden_layers", 2},
              {"num_attention_heads", 2},
              {"num_key_value_heads", 1},
              {"rms_norm_eps", 1e-5},
              {"max_position_embeddings", 64},
              {"tie_word_embeddings", false}};
    tensors = {
        {"model.embed_tokens.weight", {10, 8}}, {"model.norm.weight", {8}}, {"lm_head.weight", {10, 8}}};
    for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
      const auto add = [&](const std::string& name, const Shape& shape) { tensors[layer + name] = shape; };
      add("input_layernorm.weight", {8});
      add("post_attention_layernorm.weight", {8});
      add("self_attn.q_proj.weight", {8, 8});
      add("self_attn.k_proj.weight", {4, 8});
      add("self_attn.v_proj.weight", {4, 8});
      add("self_attn.o_proj.weight", {8, 8});
      add("mlp.gate_proj.weight", {16, 8});
      add("mlp.up_proj.weight", {16, 8});
      add("mlp.down_proj.weight", {8, 16});
    }
  }

  nlohmann::json config;
  std::map<std::string, Shape> tensors;  // float32 zeros

  void set_type(const char* model_type, const char* class_name) {
    config["model_type"] = model_type;
    config["architectures"] = {class_name};
  }
  std::string weights() const {
    SafetensorsBytes file;
    for (const auto& [name, shape] : tensors) file.f32_tensor(name, shape);
    return file.build();
  }
  const std::filesystem::path& write(const TemporaryFolder& folder) const {
    folder.write("config.json", config.dump());
    folder.write("model.safetensors", weights());
    return folder.path();
  }
};

}  // namespace ferrum::test
