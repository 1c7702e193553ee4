// Request and response bodies of OpenAI's API, as a client: https://platform.openai.com/docs/api-reference
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "loadgen/workload.h"

namespace ferrum::loadgen {

// The base of a server address without a path, as in OpenAI's clients.
constexpr std::string_view kDefaultBase = "/v1";

enum class Api { kChat, kCompletions };
std::string_view path_of(Api api);  // below the base: "/chat/completions"

struct RequestOptions {
  Api api = Api::kChat;
  std::string model;
  std::optional<double> temperature = 0;  // nullopt: the server's default
  // Not OpenAI's: generation continues after the model's end of text, so that lengths are as requested.
  bool ignore_eos = true;
  bool usage = true;  // requests the usage in the stream
};

// The body of a streaming request. Throws kBadArgument for messages where the API has no chat.
std::string request_body(const RequestOptions& options, const Prompt& prompt);

struct TokenCounts {
  int64_t prompt = 0;
  int64_t cached = 0;  // tokens of the prompt that were cached
  int64_t output = 0;
};

// One event of a streamed response.
struct AnswerPart {
  bool has_text = false;  // of the answer or of its reasoning
  bool finished = false;  // has a finish reason
  std::optional<TokenCounts> usage;
  std::optional<std::string> error;  // an error after the stream has begun
};
// Throws kBadFile for anything else.
AnswerPart read_part(std::string_view json);

// The error message in a body, in any of the shapes that servers use; otherwise the beginning of the body.
std::string error_message(std::string_view body);

// The id of the first model in a list. Throws kBadFile.
std::string first_model(std::string_view body);

}  // namespace ferrum::loadgen
