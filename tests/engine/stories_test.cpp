// A real trained model from elsewhere: its greedy text, token for token.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "checkpoint/readers/tokenizer_source.h"
#include "ferrum/engine.h"
#include "support/paths.h"

namespace ferrum {
namespace {

// greedy.txt: a line about the model, the text, and last the ids as a list.
std::vector<int32_t> expected_ids(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line, last;
  while (std::getline(in, line))
    if (!line.empty()) last = line;
  for (char& c : last)
    if (c == '[' || c == ']' || c == ',') c = ' ';
  std::istringstream numbers(last);
  std::vector<int32_t> ids;
  for (int32_t id; numbers >> id;) ids.push_back(id);
  return ids;
}

class Stories : public ::testing::TestWithParam<const char*> {};

TEST_P(Stories, GreedyTextTokenForToken) {
  FERRUM_NEEDS_SHARED("models/stories260K/stories260K-f32.gguf");
  const auto folder = test::shared("models/stories260K");
  const std::vector<int32_t> expected = expected_ids(folder / "greedy.txt");
  ASSERT_GT(expected.size(), 50u);
  const auto model = folder / "stories260K-f32.gguf";
  const auto engine = Engine::load({.model = model, .backend = GetParam(), .threads = 2, .kv_dtype = "f32"});

  Request request;
  request.prompt = TextPrompt{""};  // BOS alone
  request.sampling.temperature = 0;
  request.max_tokens = static_cast<int>(expected.size());
  std::string text;
  engine->generate(request, [&](const Event& event) {
    if (const auto* piece = std::get_if<TextEvent>(&event)) text += piece->text;
    if (const auto* error = std::get_if<ErrorEvent>(&event)) ADD_FAILURE() << error->message;
  });
  // The text continues after BOS, so the space before its first word stays.
  EXPECT_EQ(text, " " + open_tokenizer(model)->decode(expected));
}

INSTANTIATE_TEST_SUITE_P(Backends, Stories, ::testing::Values("reference", "cpu"));

}  // namespace
}  // namespace ferrum
