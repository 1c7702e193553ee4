#include "text/chat_context.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"

namespace ferrum {

OrderedJson chat_context(const std::vector<ChatTurn>& turns, const Tokenizer& tokenizer,
                         const OrderedJson& extra) {
  if (!extra.is_object())
    fail(ErrorCode::kBadArgument, "template options: expected a JSON object, found {}", extra.type_name());
  OrderedJson context;
  OrderedJson& messages = context["messages"] = OrderedJson::array();
  for (const ChatTurn& turn : turns) messages.push_back({{"role", turn.role}, {"content", turn.content}});
  context["tools"] = nullptr;
  context["add_generation_prompt"] = true;
  for (const auto& [name, value] : extra.items()) context[name] = value;
  add_special_tokens(context, tokenizer);
  return context;
}

void add_special_tokens(OrderedJson& context, const Tokenizer& tokenizer) {
  const Tokenizer::Special& special = tokenizer.special();
  const auto add = [&](const char* name, std::optional<TokenId> id) {
    if (id && !context.contains(name)) context[name] = std::string(tokenizer.spelling(*id));
  };
  add("bos_token", special.bos);
  add("eos_token", special.eos);
  add("unk_token", special.unk);
  add("pad_token", special.pad);
}

}  // namespace ferrum
