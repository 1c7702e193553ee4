#include "engine/infill.h"

#include <string_view>

namespace ferrum {
namespace {

constexpr std::string_view kRepository = "project\n";  // any name: the model was trained to read one
constexpr std::string_view kCurrentFile = "current\n";

}  // namespace

std::vector<TokenId> encode_infill(const Tokenizer& tokenizer, const InfillTokens& tokens,
                                   const InfillPrompt& prompt) {
  const bool recognised = prompt.control_tokens == TextPrompt::ControlTokens::kRecognised;
  std::vector<TokenId> ids;
  const auto add = [&](std::string_view text) {
    const std::vector<TokenId> more = tokenizer.encode({text, recognised}, {.add_special = false});
    ids.insert(ids.end(), more.begin(), more.end());
  };
  // Names and texts of other files are data, never structure.
  const auto add_data = [&](const std::string& text) {
    const std::vector<TokenId> more = tokenizer.encode({text, false}, {.add_special = false});
    ids.insert(ids.end(), more.begin(), more.end());
  };
  const Tokenizer::Special& special = tokenizer.special();
  if (special.add_bos && special.bos) ids.push_back(*special.bos);
  if (!prompt.files.empty() && tokens.repository) {
    ids.push_back(*tokens.repository);
    add(kRepository);
  }
  for (const InfillPrompt::File& file : prompt.files) {
    if (tokens.file) {
      ids.push_back(*tokens.file);
      add_data(file.name + "\n");
    } else {
      add("\n\n--- snippet ---\n\n");
    }
    add_data(file.text);
  }
  if (!prompt.files.empty() && tokens.file) {
    ids.push_back(*tokens.file);
    add(kCurrentFile);
  }
  ids.push_back(tokens.prefix);
  add(prompt.prefix);
  ids.push_back(tokens.suffix);
  add(prompt.suffix);
  ids.push_back(tokens.middle);
  return ids;
}

}  // namespace ferrum
