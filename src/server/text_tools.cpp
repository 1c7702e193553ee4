#include "server/text_tools.h"

#include "base/utf8.h"
#include "server/api/max_tokens.h"
#include "server/api/other_engines.h"
#include "server/api/prompt_fields.h"
#include "server/api/sampling_fields.h"
#include "server/openai/chat_messages.h"

namespace ferrum::server {
namespace {

// Reads the prompt to encode: exactly one of content, prompt and messages.
Prompt read_prompt(Fields& body, const Engine& engine) {
  const bool chat = body.find("messages") != nullptr;
  const bool prompt = body.find("prompt") != nullptr;
  const bool content = body.find("content") != nullptr;
  if (chat + prompt + content != 1) {
    const char* name = !chat && !prompt && !content ? "content" : content ? "content" : "prompt";
    throw ApiError(400, "invalid_value", name, "one of content, prompt and messages is needed");
  }
  if (chat) {
    ChatPrompt messages = openai::read_chat(body, engine).prompt;
    body.refuse("add_special_tokens", "the chat template writes all special tokens", {false});
    return messages;
  }
  const char* name = content ? "content" : "prompt";
  TextPrompt text;
  text.control_tokens = read_control_tokens(body);
  text.bos = read_bos(body, content ? TextPrompt::Bos::kOmitted : TextPrompt::Bos::kAdded);
  if (const Json* given = body.find(name); given && given->is_array())
    return mixed_prompt(name, engine, *given, text);
  text.text = body.text(name).value_or("");
  return text;
}

// llama-server's format: a string, or an array of bytes if they are not whole characters.
Json piece_json(const std::string& bytes) {
  if (utf8::is_valid(bytes)) return bytes;
  Json all = Json::array();
  for (const char c : bytes) all.push_back(static_cast<unsigned char>(c));
  return all;
}

}  // namespace

Json tokenize(Fields& body, const Engine& engine) {
  body.text("model");
  const Prompt prompt = read_prompt(body, engine);
  const bool pieces = body.flag("with_pieces").value_or(false);
  const bool strings = body.flag("return_token_strs").value_or(false);
  body.refuse_others();
  const std::vector<int32_t> ids = engine.tokens_of(prompt);
  Json answer = {{"tokens", ids}, {"count", ids.size()}, {"max_model_len", engine.info().context}};
  if (pieces) {
    answer["tokens"] = Json::array();
    for (const int32_t id : ids)
      answer["tokens"].push_back({{"id", id}, {"piece", piece_json(engine.token(id).bytes)}});
  }
  answer["token_strs"] = nullptr;
  if (strings) {
    answer["token_strs"] = Json::array();
    for (const int32_t id : ids) answer["token_strs"].push_back(engine.token(id).spelling);
  }
  return answer;
}

Json detokenize(Fields& body, const Engine& engine) {
  body.text("model");
  body.required("tokens");
  const auto ids = body.integers("tokens");
  body.refuse_others();
  const std::string text = engine.text_of(*ids);
  return {{"content", text}, {"prompt", text}};
}

Json apply_template(Fields& body, const Engine& engine) {
  body.text("model");
  const ChatPrompt chat = openai::read_chat(body, engine).prompt;
  // Clients send whole bodies of chats. How the answer would be sampled changes nothing about the prompt.
  Request unused;
  read_sampling(body, unused);
  read_max_tokens(body);
  for (const char* name : {"stream", "stream_options", "logprobs", "top_logprobs"}) body.find(name);
  read_other_engines(body);
  body.refuse_others();
  return {{"prompt", engine.render(chat)}};
}

Json tokenizer_info(const Engine& engine) {
  const TokenizerInfo info = engine.tokenizer_info();
  Json json = {{"tokenizer_class", "ferrum"},
               {"vocab_size", info.size},
               {"model_max_length", engine.info().context},
               {"max_model_len", engine.info().context},
               {"add_bos_token", info.adds_bos}};
  const auto set = [&](const char* name, const std::optional<std::string>& value) {
    json[name] = value ? Json(*value) : Json();
  };
  set("bos_token", info.bos);
  set("eos_token", info.eos);
  set("unk_token", info.unk);
  set("pad_token", info.pad);
  set("chat_template", info.chat_template);
  return json;
}

}  // namespace ferrum::server
