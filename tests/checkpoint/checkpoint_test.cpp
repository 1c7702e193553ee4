#include "checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/log.h"
#include "checkpoint/check_weights.h"
#include "checkpoint/readers/model_tensors.h"
#include "support/contains.h"
#include "support/errors.h"
#include "support/paths.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using Role = TensorRole;
using test::expect_error;
using test::GgufBytes;
using test::le;
using test::SmallGguf;
using test::SmallHf;
using test::TemporaryFolder;
using Words = std::initializer_list<std::string_view>;

void expect_bad(const fs::path& path, Words words, ErrorCode code) {
  expect_error(code, words, [&] { Checkpoint::open(path); });
}

void expect_bad(const SmallGguf& model, Words words, ErrorCode code) {
  const TemporaryFolder folder;
  expect_bad(folder.write("m.gguf", model.build()), words, code);
}

void expect_bad(const SmallHf& model, Words words, ErrorCode code) {
  const TemporaryFolder folder;
  expect_bad(model.write(folder), words, code);
}

// A model in two files, each with some of the tensors.
struct SplitGguf {
  SplitGguf() {
    SmallGguf first, second("");
    second.integers.clear();
    for (auto it = first.tensors.begin(); it != first.tensors.end();) {
      if (it->first.starts_with("blk.1.")) {
        second.tensors[it->first] = it->second;
        it = first.tensors.erase(it);
      } else {
        second.tensors.erase(it->first);
        ++it;
      }
    }
    mark(first, 0);
    mark(second, 1);
    parts = {first.build(), second.build()};
  }
  static void mark(SmallGguf& part, uint16_t number) {
    part.others.pair("split.no", test::gguf::kU16, le(number))
        .pair("split.count", test::gguf::kU16, le<uint16_t>(2));
    part.others.pair("split.tensors.count", test::gguf::kI32, le<int32_t>(21));
  }
  std::vector<std::string> parts;
};

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

TEST(CheckpointFaults, B01_EmptyFiles) {
  const TemporaryFolder folder;
  expect_bad(folder.write("m.gguf", ""), {"m.gguf", "0 bytes"}, ErrorCode::kBadFile);
  const TemporaryFolder other;
  other.write("config.json", "");
  expect_bad(other.path(), {"config.json", "byte 1"}, ErrorCode::kBadFile);
  expect_bad(folder.path() / "absent", {"absent", "no such"}, ErrorCode::kNotFound);
}

TEST(CheckpointFaults, B12_MissingTensors) {
  SmallGguf model;
  model.tensors.erase("blk.1.ffn_down.weight");
  expect_bad(model, {"m.gguf", "'blk.1.ffn_down.weight'", "missing"}, ErrorCode::kBadFile);
  SmallHf folder;
  folder.tensors.erase("lm_head.weight");
  expect_bad(folder, {"'lm_head.weight'", "missing"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B12_MissingBiases) {
  SmallHf model;
  model.config["attention_bias"] = true;
  expect_bad(model, {"'model.layers.0.self_attn.q_proj.bias'", "missing"}, ErrorCode::kBadFile);
  SmallGguf qwen2("qwen2");
  expect_bad(qwen2, {"'blk.0.attn_q.bias'", "missing"}, ErrorCode::kBadFile);
  expect_bad(SmallGguf("qwen3"), {"'blk.0.attn_q_norm.weight'", "missing"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B12_DuplicateTensors) {
  SmallHf model;
  model.tensors["norm.weight"] = {8};
  expect_bad(model, {"duplicate", "'model.norm.weight'", "'norm.weight'"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B12_KnownTensorsThatTheTextModelDoesNotUseAreTold) {
  SmallHf model;
  model.tensors["model.layers.2.mlp.up_proj.weight"] = {1};
  model.tensors["model.layers.2.embed_tokens.weight"] = {1};
  model.tensors["vision_tower.weight"] = {1};
  model.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {2};
  const TemporaryFolder folder;
  testing::internal::CaptureStdout();
  const auto c = Checkpoint::open(model.write(folder));
  const std::string logged = testing::internal::GetCapturedStdout();
  EXPECT_NE(
      logged.find(
          "'model.layers.2.embed_tokens.weight', 'model.layers.2.mlp.up_proj.weight', 'vision_tower.weight'"),
      std::string::npos)
      << logged;
  EXPECT_EQ(logged.find("inv_freq"), std::string::npos) << logged;
  EXPECT_EQ(c->tensors().size(), 25u);
  std::vector<HostTensor> tensors = c->tensors();
  const CheckedTensors checked = check_tensors(c->model(), TensorTable(Naming::kHuggingFace, tensors, "m"));
  EXPECT_EQ(checked.unused,
            (std::vector<std::string>{"model.layers.2.embed_tokens.weight",
                                      "model.layers.2.mlp.up_proj.weight", "vision_tower.weight"}));
}

TEST(CheckpointFaults, B12_TensorsThatHaveNoPlaceAreRefused) {
  SmallHf folder;
  folder.tensors["model.layers.0.self_attn.sinks"] = {2};
  folder.tensors["model.layers.0.mlp.mystery.weight"] = {1};
  expect_bad(folder, {"llama", "'model.layers.0.mlp.mystery.weight'", "'model.layers.0.self_attn.sinks'"},
             ErrorCode::kUnsupported);
  SmallGguf file;
  file.tensors["blk.1.attn_q_norm.weight"] = {4};
  expect_bad(file, {"m.gguf", "llama", "'blk.1.attn_q_norm.weight'"}, ErrorCode::kUnsupported);
}

TEST(CheckpointFaults, B13_ShapesThatContradictTheDescription) {
  SmallGguf model;
  model.tensors["blk.1.attn_k.weight"] = {8, 8};
  expect_bad(model, {"m.gguf", "'blk.1.attn_k.weight'", "[8, 8]", "[4, 8]"}, ErrorCode::kBadConfig);
  SmallHf folder;
  folder.config["vocab_size"] = 11;
  expect_bad(folder, {"'model.embed_tokens.weight'", "[10, 8]", "[11, 8]"}, ErrorCode::kBadConfig);
  SmallHf transposed;
  transposed.tensors["model.layers.0.mlp.down_proj.weight"] = {16, 8};
  expect_bad(transposed, {"'model.layers.0.mlp.down_proj.weight'", "[16, 8]", "[8, 16]"},
             ErrorCode::kBadConfig);
}

TEST(CheckpointFaults, B15_PartsMissing) {
  const TemporaryFolder folder;
  const auto path = folder.write("m-00002-of-00002.gguf", SplitGguf().parts[1]);
  expect_bad(path, {"missing", "m-00001-of-00002.gguf"}, ErrorCode::kNotFound);
  expect_bad(folder.path(), {"first part"}, ErrorCode::kNotFound);
  expect_bad(folder.write("renamed.gguf", SplitGguf().parts[0]),
             {"renamed.gguf", "2 parts", "-00001-of-00002.gguf"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B15_PartsSwapped) {
  const TemporaryFolder folder;
  const SplitGguf split;
  const auto path = folder.write("m-00001-of-00002.gguf", split.parts[1]);
  folder.write("m-00002-of-00002.gguf", split.parts[0]);
  expect_bad(path, {"m-00001-of-00002.gguf", "split.no"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B15_PartsOfAnotherModel) {
  const TemporaryFolder folder;
  const auto path = folder.write("m-00001-of-00002.gguf", SplitGguf().parts[0]);
  SmallGguf stranger("");
  stranger.integers.clear();
  stranger.tensors = {{"blk.1.attn_q.weight", {8, 8}}};
  SplitGguf::mark(stranger, 1);
  folder.write("m-00002-of-00002.gguf", stranger.build());
  expect_bad(path, {"split.tensors.count", "21", "m-00002-of-00002.gguf"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B16_TruncatedWhileMapped) {
  const TemporaryFolder folder;
  SmallGguf model;
  model.tensors["token_embd.weight"] = {4096, 8};
  model.tensors["output.weight"] = {4096, 8};
  const auto path = folder.write("m.gguf", model.build());
  const auto c = Checkpoint::open(path);
  EXPECT_TRUE(c->intact());
  fs::resize_file(path, 4096);
  float sum = 0;
  for (const HostTensor& t : c->tensors())
    for (const float v : decoded(t)) sum += v;
  EXPECT_EQ(sum, 0);
  EXPECT_FALSE(c->intact());
}

struct ShardedHf {
  ShardedHf() {
    model.write(folder);
    fs::rename(folder.path() / "model.safetensors", folder.path() / "a.safetensors");
    for (const auto& [name, shape] : model.tensors) map[name] = "a.safetensors";
  }
  const fs::path& write() const {
    folder.write("model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
    return folder.path();
  }
  SmallHf model;
  TemporaryFolder folder;
  nlohmann::json map;
};

TEST(CheckpointFaults, B15_ShardsOfAnotherModel) {
  ShardedHf sharded;
  EXPECT_NO_THROW(Checkpoint::open(sharded.write()));
  sharded.folder.write("b.safetensors", test::SafetensorsBytes().f32_tensor("strange", {1}).build());
  sharded.map["lm_head.weight"] = "b.safetensors";
  expect_bad(sharded.write(), {"index.json", "'lm_head.weight' in 'b.safetensors'"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B19_IndexThatNamesAbsentShards) {
  ShardedHf sharded;
  sharded.map["lm_head.weight"] = "x.safetensors";
  sharded.map["model.norm.weight"] = "y.safetensors";
  expect_bad(sharded.write(), {"missing", "'x.safetensors', 'y.safetensors'"}, ErrorCode::kNotFound);
}

TEST(CheckpointFaults, B19_IndexThatNamesAbsentTensors) {
  ShardedHf unneeded;
  unneeded.map["model.layers.0.self_attn.rotary_emb.inv_freq"] = "a.safetensors";
  unneeded.map["model.layers.2.mlp.up_proj.weight"] = "x.safetensors";  // of a layer that the model has not
  const log::Recorder recorder;
  EXPECT_NO_THROW(Checkpoint::open(unneeded.write()));
  ASSERT_EQ(recorder.warnings().size(), 1u);
  EXPECT_CONTAINS(recorder.warnings()[0], "index.json");
  EXPECT_CONTAINS(recorder.warnings()[0],
                  "'model.layers.0.self_attn.rotary_emb.inv_freq', 'model.layers.2.mlp.up_proj.weight'");
  ShardedHf needed;  // without which the model would be computed, but wrongly
  needed.map["model.layers.0.self_attn.q_proj.bias"] = "a.safetensors";
  expect_bad(needed.write(),
             {"index.json", "missing", "'model.layers.0.self_attn.q_proj.bias' in 'a.safetensors'"},
             ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B19_IndexThatLeavesItsFolder) {
  for (const char* name : {"../a.safetensors", "/etc/passwd", "..", "", "sub/a.safetensors", "a\\b"}) {
    ShardedHf sharded;
    sharded.map["lm_head.weight"] = name;
    expect_bad(sharded.write(), {"index.json", "'lm_head.weight'", "no name of a file"}, ErrorCode::kBadFile);
  }
  ShardedHf sharded;
  sharded.map["lm_head.weight"] = 1;
  expect_bad(sharded.write(), {"index.json", "'lm_head.weight'", "a file name"}, ErrorCode::kBadConfig);
  sharded.map = nullptr;
  expect_bad(sharded.write(), {"index.json", "weight_map"}, ErrorCode::kBadConfig);
}

TEST(CheckpointFaults, B20_ConfigMissing) {
  const TemporaryFolder folder;
  folder.write("model.safetensors", SmallHf().weights());
  expect_bad(folder.path(), {"config.json"}, ErrorCode::kNotFound);
}

TEST(CheckpointFaults, B20_PickleFilesAreRefused) {
  const TemporaryFolder folder;
  folder.write("config.json", SmallHf().config.dump());
  expect_bad(folder.path(), {"model.safetensors"}, ErrorCode::kNotFound);
  const auto pickle = folder.write("pytorch_model.bin", "PK\x03\x04");
  expect_bad(folder.path(), {"'pytorch_model.bin'", "pickle", "safetensors"}, ErrorCode::kUnsupported);
  expect_bad(pickle, {"pytorch_model.bin", "pickle", "safetensors"}, ErrorCode::kUnsupported);
}

TEST(CheckpointFaults, B20_WeightsOfOtherTypes) {
  const TemporaryFolder folder;
  folder.write("config.json", SmallHf().config.dump());
  test::SafetensorsBytes file;
  for (const auto& [name, shape] : SmallHf().tensors)
    if (name != "model.norm.weight") file.f32_tensor(name, shape);
  file.tensor("model.norm.weight", {8}, "F8_E4M3", "12345678");
  folder.write("model.safetensors", file.build());
  expect_bad(folder.path(), {"'model.norm.weight'", "F8_E4M3"}, ErrorCode::kUnsupported);
}

TEST(CheckpointFaults, B20_APartOfAFolderSaysSo) {
  const TemporaryFolder folder;
  SmallHf().write(folder);
  expect_bad(folder.path() / "model.safetensors", {"name its folder", folder.path().string()},
             ErrorCode::kBadArgument);
}

TEST(CheckWeights, B23_NanAndInfinityAreFoundWithTheirPosition) {
  const auto tensor_of = [](std::string_view bytes, Format format, std::vector<int64_t> shape) {
    return HostTensor{"t", format, std::move(shape), test::as_bytes(bytes)};
  };
  const float inf = std::numeric_limits<float>::infinity();
  const std::string good = le(1.f) + le(-1.f) + le(3e38f) + le(0.f) + le(1e-40f) + le(-0.f);
  EXPECT_EQ(first_bad_weight(tensor_of(good, Format::kF32, {2, 3})), std::nullopt);
  std::string bad = good;
  bad.replace(16, 4, le(-inf));
  const auto found = first_bad_weight(tensor_of(bad, Format::kF32, {2, 1, 3}));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->position, (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(found->value, -inf);
  const std::string half = le<uint16_t>(0x7E00);
  EXPECT_TRUE(std::isnan(first_bad_weight(tensor_of(half, Format::kF16, {1}))->value));
  const std::string block = le<uint16_t>(0x7C00) + std::string(32, '\1');  // Q8_0 with an infinite scale
  EXPECT_EQ(first_bad_weight(tensor_of(block, Format::kQ8_0, {1, 32}))->position,
            (std::vector<int64_t>{0, 0}));
}

}  // namespace
}  // namespace ferrum
