#include "hub/model_name.h"

#include <gtest/gtest.h>

#include <string>

#include "support/errors.h"

namespace ferrum::hub {
namespace {

TEST(ModelName, IsARepositoryAndWhatIsWantedOfIt) {
  const struct {
    const char* text;
    ModelName name;
  } cases[] = {
      {"Qwen/Qwen3-0.6B-GGUF", {.repo = "Qwen/Qwen3-0.6B-GGUF"}},
      {"Qwen/Qwen3-0.6B-GGUF:Q8_0", {.repo = "Qwen/Qwen3-0.6B-GGUF", .type = "Q8_0"}},
      {"a/b:q4_k_m", {.repo = "a/b", .type = "Q4_K_M"}},
      {"a/b:ud-iq2_xxs", {.repo = "a/b", .type = "UD-IQ2_XXS"}},
      {"a/b:fp16", {.repo = "a/b", .type = "F16"}},
      {"a/b:Safetensors", {.repo = "a/b", .type = "safetensors"}},
      {"a/b:sub/model.gguf", {.repo = "a/b", .file = "sub/model.gguf"}},
      {"a/b@v1.0", {.repo = "a/b", .revision = "v1.0"}},
      {"a/b@refs/pr/1:x@2.gguf", {.repo = "a/b", .revision = "refs/pr/1", .file = "x@2.gguf"}},
      {"gpt2", {.repo = "gpt2"}},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_model_name(c.text), c.name) << c.text;
  EXPECT_EQ(to_string(parse_model_name("a/b@v1:q4_0")), "a/b@v1:Q4_0");
  EXPECT_EQ(to_string(parse_model_name("a/b@main")), "a/b");
}

TEST(HubFaults, B65_NamesThatLeaveTheirFolderAreNoNames) {
  const std::string nul("a/b\0c", 5);
  for (const std::string& text : {std::string(),
                                  std::string("a/b/c"),
                                  std::string("/a"),
                                  std::string("a/"),
                                  std::string("../b"),
                                  std::string("a/.."),
                                  std::string("a/b--c"),
                                  std::string("a..b/c"),
                                  std::string(".a/b"),
                                  std::string("a/-b"),
                                  std::string("a b/c"),
                                  std::string("a/b\\c"),
                                  std::string("a/b:"),
                                  std::string("a/b:what"),
                                  std::string("a/b:../x.gguf"),
                                  std::string("a/b:/x.gguf"),
                                  std::string("a/b:x//y.gguf"),
                                  std::string("a/b:x\\y.gguf"),
                                  std::string("a/b@"),
                                  std::string("a/b@../x"),
                                  std::string("a/b@x y"),
                                  std::string("a/b@x\ny"),
                                  std::string("a/b:x\n.gguf"),
                                  nul,
                                  "a/" + std::string(100, 'x')})
    test::expect_error(ErrorCode::kBadArgument, {"is not a model name"}, [&] { parse_model_name(text); });
}

TEST(HubFaults, B65_FilesThatLeaveTheirFolderAreNotSafe) {
  for (const char* name :
       {"model.gguf", "sub/dir/model.gguf", "ünïcode 模型.gguf", ".gitattributes", "a..b", "..."})
    EXPECT_TRUE(is_safe_file(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("../x"), std::string("a/../x"),
        std::string("/etc/passwd"), std::string("a//b"), std::string("a/"), std::string("a/./b"),
        std::string("a\\b"), std::string("..\\x"), std::string("a\nb"), std::string("a\x1b[31mb"),
        std::string("a\x7f"), std::string("a\0b", 3), std::string("\xff\xfe"), std::string(256, 'x'),
        std::string(2000, 'x')})
    EXPECT_FALSE(is_safe_file(name)) << name;
  test::expect_error(ErrorCode::kBadFile, {"org/evil", "'../../.bashrc'", "refused"},
                     [] { require_safe_file("../../.bashrc", "org/evil"); });
}

TEST(ModelName, AFileNameHasItsType) {
  const struct {
    const char* file;
    const char* type;
  } cases[] = {{"Qwen3-0.6B-Q8_0.gguf", "Q8_0"},
               {"qwen3-0.6b-q4_k_m.gguf", "Q4_K_M"},
               {"tinyllama-1.1b-chat-v1.0.Q4_0.gguf", "Q4_0"},
               {"Model-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"},
               {"UD-IQ1_S/Model-UD-IQ1_S-00001-of-00003.gguf", "UD-IQ1_S"},
               {"model.fp16.gguf", "F16"},
               {"gpt-oss-20b-mxfp4.gguf", "MXFP4"},
               {"Q4_K_M.gguf", "Q4_K_M"},
               {"model-BF16-00002-of-00002.gguf", "BF16"},
               {"ggml-model-Q4_0-imat.gguf", "Q4_0"},
               {"model.gguf", ""},
               {"Q4_K_M/model.gguf", ""},
               {"faq4_0.gguf", ""}};
  for (const auto& c : cases) EXPECT_EQ(type_of_file(c.file), c.type) << c.file;
}

TEST(ModelName, PartsOfASetAreNumbered) {
  const SplitName part = split_name_of("a/model-00002-of-00003.gguf");
  EXPECT_EQ(part.stem, "a/model");
  EXPECT_EQ(part.part, 2);
  EXPECT_EQ(part.parts, 3);
  for (const char* whole : {"model.gguf", "model-00004-of-00003.gguf", "model-00000-of-00003.gguf",
                            "model-0001-of-0003.gguf", "-00001-of-00003.gguf", "model-+0001-of-00003.gguf"})
    EXPECT_EQ(split_name_of(whole).parts, 1) << whole;
}

}  // namespace
}  // namespace ferrum::hub
