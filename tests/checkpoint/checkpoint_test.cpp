#include "checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/log.h"
#include "checkpoint/check_weights.h"
#include "checkpoint/readers/model_tensors.h"
#include "checkpoint/split_gguf.h"
#include "support/contains.h"
#include "support/errors.h"
#include "support/paths.h"
#include "support/small_models.h"
#include "text/chat_context.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using Role = TensorRole;
using test::expect_error;
using test::le;
using test::SmallGguf;
using test::SmallHf;
using test::SplitGguf;
using test::TemporaryFolder;
using Words = std::initializer_list<std::string_view>;

TEST(Checkpoint, EveryGoldenOpens) {
  for (const char* name :
       {"llama", "llama3_rope_scaling_tied", "llama_f16_256", "mistral_sliding_window", "qwen2", "qwen3",
        "qwen3_256", "qwen3_moe", "qwen3_moe_256", "qwen3_moe_mixed_dense_layers", "qwen3_yarn"}) {
    const auto c = Checkpoint::open(test::data(fs::path("goldens") / name));
    EXPECT_EQ(c->model().name, name);
    EXPECT_EQ(c->model().vocab, 384) << name;
    EXPECT_GT(c->model().parameters, 100'000) << name;
    EXPECT_EQ(c->generation().stop_tokens, std::vector<TokenId>{2}) << name;
    EXPECT_EQ(c->format(), fs::path(name) == "llama_f16_256" ? "safetensors, F16" : "safetensors, BF16");
    EXPECT_TRUE(c->intact());
  }
}

TEST(Checkpoint, QuantizedGoldensOpen) {
  const auto gptq = Checkpoint::open(test::data("goldens/gptq_qwen3_sym_g128"));
  EXPECT_EQ(gptq->format(), "safetensors, GPTQ, G4_128");
  EXPECT_EQ(gptq->find({Role::kQuery, 0})->format, Format::kG4_128);
  EXPECT_EQ(gptq->find({Role::kHead})->format, Format::kBF16);
  const auto awq = Checkpoint::open(test::data("goldens/awq_qwen3_g64"));
  EXPECT_EQ(awq->format(), "safetensors, AWQ, G4_64");
  EXPECT_EQ(awq->find({Role::kDown, 1})->shape, (std::vector<int64_t>{256, 512}));
  for (const auto* c : {gptq.get(), awq.get()}) {
    EXPECT_EQ(c->model().parameters, Checkpoint::open(test::data("goldens/qwen3_256"))->model().parameters);
    for (const HostTensor& t : c->tensors()) {
      const std::vector<float> before = decoded(t);
      c->release(t);
      EXPECT_EQ(decoded(t), before) << t.name;
    }
  }
}

void expect_bad(const fs::path& path, Words words, ErrorCode code) {
  expect_error(code, words, [&] { Checkpoint::open(path); });
}

void expect_bad(const SmallHf& model, Words words, ErrorCode code) {
  const TemporaryFolder folder;
  expect_bad(model.write(folder), words, code);
}

// The weights as gptq_qwen3_sym_g128 has them, without its config.json's word on them.
TEST(Checkpoint, HowWeightsAreQuantizedMayStandInAFileOfItsOwn) {
  const TemporaryFolder folder;
  const fs::path golden = test::data("goldens/gptq_qwen3_sym_g128");
  auto config = nlohmann::json::parse(test::read_file(golden / "config.json"));
  const nlohmann::json quantization = config["quantization_config"];
  config.erase("quantization_config");
  folder.write("config.json", config.dump());
  folder.write("model.safetensors", test::read_file(golden / "model.safetensors"));
  expect_bad(folder.path(), {"quantised", "quantize_config.json"}, ErrorCode::kBadConfig);
  folder.write("quantize_config.json", quantization.dump());
  EXPECT_EQ(Checkpoint::open(folder.path())->format(), "safetensors, GPTQ, G4_128");
  fs::rename(folder.path() / "model.safetensors", folder.path() / "gptq_model-4bit-128g.safetensors");
  EXPECT_EQ(Checkpoint::open(folder.path())->format(), "safetensors, GPTQ, G4_128");
  folder.write("gptq_model-4bit-32g.safetensors", "another");
  expect_bad(folder.path(), {"neither model.safetensors"}, ErrorCode::kNotFound);
}

TEST(Checkpoint, AHuggingFaceFolder) {
  const TemporaryFolder folder;
  const auto c = Checkpoint::open(SmallHf().write(folder));
  EXPECT_EQ(c->model().parameters, 2 * 80 + 8 + 2 * (2 * 8 + 2 * 64 + 2 * 32 + 3 * 128));
  EXPECT_EQ(c->bytes(), static_cast<uint64_t>(c->model().parameters) * 4);
  EXPECT_EQ(c->tensors().size(), 21u);
  EXPECT_EQ(c->find({Role::kDown, 1})->shape, (std::vector<int64_t>{8, 16}));
  EXPECT_EQ(c->find({Role::kDown, 2}), nullptr);
  EXPECT_EQ(c->format(), "safetensors, F32");
}

TEST(Checkpoint, AGgufFileOrAFolderWithOne) {
  const TemporaryFolder folder;
  const auto path = folder.write("small.gguf", SmallGguf().build());
  for (const fs::path& p : {path, folder.path()}) {
    const auto c = Checkpoint::open(p);
    EXPECT_EQ(c->model().name, "small");
    EXPECT_EQ(c->model().parameters, 2 * 80 + 8 + 2 * (2 * 8 + 2 * 64 + 2 * 32 + 3 * 128));
    EXPECT_EQ(c->format(), "GGUF v3, F32");
    EXPECT_EQ(c->chat_template(), std::nullopt);
  }
  folder.write("config.json", SmallHf().config.dump());
  EXPECT_EQ(Checkpoint::open(folder.path())->format(), "GGUF v3, F32") << "config.json alone is no model";
  folder.write("other.gguf", SmallGguf().build());
  expect_bad(folder.path(), {"several", "'other.gguf', 'small.gguf'"}, ErrorCode::kBadArgument);
}

TEST(Checkpoint, RecommendationsThatAreNone) {
  const TemporaryFolder folder;
  SmallHf().write(folder);
  for (const char* text : {"", "null", "[]", "{"}) {
    folder.write("generation_config.json", text);
    const log::Recorder recorder;
    EXPECT_TRUE(Checkpoint::open(folder.path())->generation().stop_tokens.empty());
    ASSERT_EQ(recorder.warnings().size(), 1u) << text;
    EXPECT_CONTAINS(recorder.warnings()[0], "generation_config.json");
  }
  folder.write("generation_config.json", R"({"pad_token_id": 10})");
  const log::Recorder recorder;
  Checkpoint::open(folder.path());
  ASSERT_EQ(recorder.warnings().size(), 1u);
  EXPECT_CONTAINS(recorder.warnings()[0], "generation_config.json: pad_token_id is '10'");
}

TEST(Checkpoint, AGgufFilesTemplateMayBeEmptyOrNamed) {
  const TemporaryFolder folder;
  const auto with = [&](const char* chat_template) {
    SmallGguf model;
    model.others.string("tokenizer.chat_template", chat_template);
    return Checkpoint::open(folder.write("model.gguf", model.build()))->chat_template();
  };
  EXPECT_EQ(with(""), std::nullopt);
  EXPECT_EQ(with("chatml"), kChatMlTemplate);
  EXPECT_EQ(with("{{ messages }}"), "{{ messages }}");
}

TEST(Checkpoint, ARealGgufFileOpens) {
  FERRUM_NEEDS_SHARED("models/stories260K/stories260K-f32.gguf");
  const auto c = Checkpoint::open(test::shared("models/stories260K/stories260K-f32.gguf"));
  EXPECT_EQ(name_of(*c->model().architecture), "llama");
  EXPECT_EQ(c->model().layers.front().attention.head_dim, 8);
  EXPECT_NEAR(static_cast<double>(c->model().parameters), 260'000, 40'000);
}

TEST(Checkpoint, AnyPartOfASplitGgufFileOpensAll) {
  const TemporaryFolder folder;
  const SplitGguf split;
  const auto first = folder.write("m-00001-of-00002.gguf", split.parts[0]);
  const auto second = folder.write("m-00002-of-00002.gguf", split.parts[1]);
  for (const fs::path& p : {first, second, folder.path()}) {
    const auto c = Checkpoint::open(p);
    EXPECT_EQ(c->tensors().size(), 21u);
    EXPECT_NE(c->find({Role::kQuery, 1}), nullptr);
  }
}

TEST(Checkpoint, ATiedHeadMayHaveACopyThatIsIgnored) {
  SmallHf model;
  model.config["tie_word_embeddings"] = true;
  const TemporaryFolder folder;
  const auto with_copy = Checkpoint::open(model.write(folder));
  EXPECT_TRUE(with_copy->model().tied_head);
  model.tensors.erase("lm_head.weight");
  const TemporaryFolder other;
  EXPECT_EQ(Checkpoint::open(model.write(other))->model().parameters, with_copy->model().parameters);
}

// Both in float32 unless said otherwise, filled with one value each.
struct TiedHf {
  SmallHf model;
  float embedding = 0.5f, head = 0.5f;
  bool bf16_embedding = false;

  const fs::path& write(const TemporaryFolder& folder) const {
    SmallHf rest = model;
    rest.tensors.erase("model.embed_tokens.weight");
    rest.tensors.erase("lm_head.weight");
    test::SafetensorsBytes file;
    for (const auto& [name, shape] : rest.tensors) file.f32_tensor(name, shape);
    const auto filled = [](float value, size_t bytes) {  // the high half of a float32 is its bf16
      std::string out;
      for (int i = 0; i < 80; ++i) out += le(value).substr(4 - bytes);
      return out;
    };
    if (model.tensors.contains("model.embed_tokens.weight"))
      file.tensor("model.embed_tokens.weight", {10, 8}, bf16_embedding ? "BF16" : "F32",
                  filled(embedding, bf16_embedding ? 2 : 4));
    if (model.tensors.contains("lm_head.weight"))
      file.tensor("lm_head.weight", {10, 8}, "F32", filled(head, 4));
    folder.write("config.json", model.config.dump());
    folder.write("model.safetensors", file.build());
    return folder.path();
  }
};

TEST(Checkpoint, ATiedHeadWithOtherValuesIsNotTied) {
  TiedHf tied;
  tied.model.config["tie_word_embeddings"] = true;
  for (const bool bf16 : {false, true}) {
    tied.bf16_embedding = bf16;
    tied.head = 0.5f;
    const TemporaryFolder same, other;
    EXPECT_TRUE(Checkpoint::open(tied.write(same))->model().tied_head);
    tied.head = 0.50001f;
    const log::Recorder recorder;
    const auto c = Checkpoint::open(tied.write(other));
    EXPECT_FALSE(c->model().tied_head);
    EXPECT_NE(c->find({Role::kHead}), c->find({Role::kEmbedding}));
    ASSERT_EQ(recorder.warnings().size(), 1u);
    EXPECT_CONTAINS(recorder.warnings()[0], "tie_word_embeddings");
    EXPECT_CONTAINS(recorder.warnings()[0], "'lm_head.weight'");
  }
}

TEST(Checkpoint, ASoleTiedHeadIsTheEmbeddingToo) {
  TiedHf tied;
  tied.model.config["tie_word_embeddings"] = true;
  tied.model.tensors.erase("model.embed_tokens.weight");
  const TemporaryFolder folder, untied;
  const log::Recorder recorder;
  const auto c = Checkpoint::open(tied.write(folder));
  EXPECT_TRUE(c->model().tied_head);
  ASSERT_NE(c->find({Role::kEmbedding}), nullptr);
  EXPECT_EQ(c->find({Role::kEmbedding})->name, "lm_head.weight");
  EXPECT_TRUE(recorder.warnings().empty());
  tied.model.config["tie_word_embeddings"] = false;
  expect_bad(tied.write(untied), {"'model.embed_tokens.weight'", "missing"}, ErrorCode::kBadFile);
}

TEST(Checkpoint, NumberedShardsWithoutAnIndex) {
  const TemporaryFolder folder;
  folder.write("config.json", SmallHf().config.dump());
  folder.write("model-00001-of-00001.safetensors", SmallHf().weights());
  EXPECT_EQ(Checkpoint::open(folder.path())->tensors().size(), 21u);
  folder.write("model-00001-of-00002.safetensors", SmallHf().weights());
  expect_bad(folder.path(), {"'model-00001-of-00001.safetensors', 'model-00001-of-00002.safetensors'"},
             ErrorCode::kBadArgument);
  fs::remove(folder.path() / "model-00001-of-00001.safetensors");
  expect_bad(folder.path(), {"2 shards", "missing", "'model-00002-of-00002.safetensors'"},
             ErrorCode::kNotFound);
  SmallHf first, second;
  std::erase_if(first.tensors, [](const auto& t) { return t.first.starts_with("model.layers.1."); });
  std::erase_if(second.tensors, [](const auto& t) { return !t.first.starts_with("model.layers.1."); });
  folder.write("model-00001-of-00002.safetensors", first.weights());
  folder.write("model-00002-of-00002.safetensors", second.weights());
  EXPECT_EQ(Checkpoint::open(folder.path())->tensors().size(), 21u);
}

TEST(Checkpoint, StackedProjectionsAndBiases) {
  SmallHf model;
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    for (const char* part : {"q", "k", "v"})
      model.tensors.erase(layer + "self_attn." + part + "_proj.weight");
    model.tensors.erase(layer + "mlp.gate_proj.weight");
    model.tensors.erase(layer + "mlp.up_proj.weight");
    model.tensors[layer + "self_attn.qkv_proj.weight"] = {16, 8};
    model.tensors[layer + "self_attn.o_proj.bias"] = {8};
    model.tensors[layer + "mlp.gate_up_proj.weight"] = {32, 8};
  }
  const TemporaryFolder folder;
  const auto c = Checkpoint::open(model.write(folder));
  EXPECT_NE(c->find({Role::kQueryKeyValue, 0}), nullptr);
  EXPECT_NE(c->find({Role::kAttentionOut, 0, -1, true}), nullptr);
}

TEST(Checkpoint, ExpertsInOneTensorOrInMany) {
  SmallHf model;
  model.set_type("qwen3_moe", "Qwen3MoeForCausalLM");
  model.config.update(
      {{"head_dim", 4}, {"num_experts", 3}, {"num_experts_per_tok", 2}, {"moe_intermediate_size", 6}});
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    for (const char* part : {"gate", "up", "down"})
      model.tensors.erase(layer + "mlp." + part + "_proj.weight");
    model.tensors[layer + "self_attn.q_norm.weight"] = {4};
    model.tensors[layer + "self_attn.k_norm.weight"] = {4};
    model.tensors[layer + "mlp.gate.weight"] = {3, 8};
    model.tensors[layer + "mlp.experts.gate_up_proj"] = {3, 12, 8};
    model.tensors[layer + "mlp.experts.down_proj"] = {3, 8, 6};
  }
  const TemporaryFolder folder;
  const auto stacked = Checkpoint::open(model.write(folder));
  for (const std::string layer : {"model.layers.0.mlp.experts.", "model.layers.1.mlp.experts."}) {
    model.tensors.erase(layer + "gate_up_proj");
    model.tensors.erase(layer + "down_proj");
    for (const char* expert : {"0.", "1.", "2."}) {
      model.tensors[layer + expert + "gate_proj.weight"] = {6, 8};
      model.tensors[layer + expert + "up_proj.weight"] = {6, 8};
      model.tensors[layer + expert + "down_proj.weight"] = {8, 6};
    }
  }
  const TemporaryFolder other;
  EXPECT_EQ(Checkpoint::open(model.write(other))->model().parameters, stacked->model().parameters);
  model.tensors.erase("model.layers.1.mlp.experts.2.up_proj.weight");
  expect_bad(model, {"'model.layers.1.mlp.experts.2.up_proj.weight'", "missing"}, ErrorCode::kBadFile);
}

TEST(Checkpoint, GenerationDefaultsAndChatTemplate) {
  const TemporaryFolder folder;
  SmallHf model;
  model.config["eos_token_id"] = 1;
  folder.write(
      "generation_config.json",
      R"({"temperature":0.6,"top_k":20,"top_p":0.9,"min_p":0.1,"repetition_penalty":1.1,"eos_token_id":[3,4]})");
  folder.write("tokenizer_config.json",
               R"({"chat_template":[{"name":"tool_use","template":"T"},{"name":"default","template":"D"}]})");
  const auto c = Checkpoint::open(model.write(folder));
  EXPECT_EQ(c->generation().temperature, 0.6f);
  EXPECT_EQ(c->generation().top_k, 20);
  EXPECT_EQ(c->generation().top_p, 0.9f);
  EXPECT_EQ(c->generation().min_p, 0.1f);
  EXPECT_EQ(c->generation().repetition_penalty, 1.1f);
  EXPECT_EQ(c->generation().stop_tokens, (std::vector<TokenId>{3, 4})) << "before config.json's";
  EXPECT_EQ(c->chat_template(), "D");
  folder.write("tokenizer_config.json", R"({"chat_template":"S"})");
  EXPECT_EQ(c->chat_template(), "S");
  folder.write("chat_template.jinja", "J");
  EXPECT_EQ(c->chat_template(), "J");
  folder.write("generation_config.json",
               R"({"temperature":"hot","do_sample":1,"top_k":50.0,"top_p":NaN,"eos_token_id":[3,-1]})");
  const log::Recorder recorder;
  const auto odd = Checkpoint::open(folder.path());
  EXPECT_EQ(odd->generation().temperature, std::nullopt);
  EXPECT_EQ(odd->generation().top_k, 50);
  EXPECT_TRUE(std::isnan(*odd->generation().top_p)) << "the engine checks ranges";
  EXPECT_EQ(odd->generation().stop_tokens, std::vector<TokenId>{3});
  ASSERT_EQ(recorder.warnings().size(), 2u);
  EXPECT_CONTAINS(recorder.warnings()[0], "generation_config.json: temperature is string, expected a number");
  EXPECT_CONTAINS(recorder.warnings()[1], "generation_config.json: eos_token_id[1] is '-1'");
}

}  // namespace
}  // namespace ferrum
