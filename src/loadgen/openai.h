// Bodies of OpenAI's API, from the client: https://platform.openai.com/docs/api-reference
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "loadgen/workload.h"

namespace ferrum::loadgen {

// What an address without a path means, as with OpenAI's clients.
constexpr std::string_view kDefaultBase = "/v1";

enum class Api { kChat, kCompletions };
std::string_view path_of(Api api);  // below the base: "/chat/completions"

struct RequestOptions {
  Api api = Api::kChat;
  std::string model;
  std::optional<double> temperature = 0;  // none: the server's
  // Beside OpenAI's own: answers go on after the model's end of text, so that their lengths are as asked.
  bool ignore_eos = true;
  bool usage = true;  // requests usage in the stream
};

// The body of a request for a stream. Error kBadArgument for messages where there is no chat.
std::string request_body(const RequestOptions& options, const Prompt& prompt);

struct TokenCounts {
  int64_t prompt = 0;
  int64_t cached = 0;  // of the prompt
  int64_t output = 0;
};

// One part of a streamed answer.
struct AnswerPart {
  bool has_text = false;  // of the answer, or of reasoning before it
  bool finished = false;  // a reason for its end is given
  std::optional<TokenCounts> usage;
  std::optional<std::string> error;  // something went wrong after the stream had begun
};
// Error kBadFile for what is no such part.
AnswerPart read_part(std::string_view json);

// What a body says went wrong, in any of the shapes that servers have; else the body's beginning.
std::string error_message(std::string_view body);

// The id of the first model of a list. Error kBadFile.
std::string first_model(std::string_view body);

}  // namespace ferrum::loadgen
