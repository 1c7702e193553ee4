#include "server/text_tools.h"

#include "server/openai/openai.h"

namespace ferrum::server {

Json tokenize(Fields& body, const Engine& engine) {
  const std::optional<std::string> content = body.text("content");
  if (!content) throw ApiError(400, "missing_required_parameter", "content", "content is missing");
  body.text("model");
  body.refuse_others();
  const std::vector<int32_t> ids = engine.tokens_of(TextPrompt{*content});
  return {{"tokens", ids}, {"count", ids.size()}};
}

Json detokenize(Fields& body, const Engine& engine) {
  const auto ids = body.integers("tokens");
  if (!ids) throw ApiError(400, "missing_required_parameter", "tokens", "tokens are missing");
  body.text("model");
  body.refuse_others();
  return {{"content", engine.text_of(*ids)}};
}

Json apply_template(Fields& body, const Engine& engine) {
  const ChatPrompt chat = openai::chat_prompt(body);
  body.text("model");
  body.refuse_others();
  return {{"prompt", engine.render(chat)}};
}

}  // namespace ferrum::server
