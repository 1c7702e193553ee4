#include "server/api/api_error.h"

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "base/log.h"
#include "server/api/json.h"

namespace ferrum::server {
namespace {

constexpr int kRetrySeconds = 1;
constexpr std::string_view kDeviceLost = "device_lost";  // its message names a device and no file
constexpr std::string_view kStopTokens = "stop_tokens";  // the engine's name for stop_token_ids

int status_of(const std::string& code) {
  if (code == "queue_full") return 429;
  if (code == "deadline" || code == "unavailable" || code == "no_memory") return 503;
  if (code == "bad_argument" || code == "bad_rule" || code == "bad_tools" || code == "context_full" ||
      code == "bad_template" || code == "not_found")
    return 400;
  return 500;
}

// The engine's messages begin with the setting at fault or with what is wrong about the prompt.
std::string param_in(std::string_view message, const RequestFields& fields) {
  if (message.starts_with("the prompt ") || message.starts_with("token id ")) return fields.prompt;
  if (message.starts_with("template options")) return "chat_template_kwargs";
  const std::string_view name = message.substr(0, message.find_first_of(" :"));
  if (name == kStopTokens) return "stop_token_ids";
  const bool is_name = name.find('_') != std::string_view::npos &&
                       std::ranges::all_of(name, [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
  return is_name ? std::string(name) : "";
}

// The field at fault.
std::string field_of(const ErrorEvent& event, const RequestFields& fields) {
  if (event.code == "bad_rule") return fields.rule;
  if (event.code != "bad_tools") return param_in(event.message, fields);
  const auto found = fields.functions.find(event.function);
  return found == fields.functions.end() ? "tools" : found->second;
}

}  // namespace

const char* ApiError::type() const {
  switch (status_) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status_ >= 500 ? "server_error" : "invalid_request_error";
  }
}

ApiError api_error(const ErrorEvent& event, const RequestFields& fields) {
  // A fault of the server itself: its message may name files, so it stays in the log.
  if (status_of(event.code) == 500 && event.code != name_of(ErrorCode::kNotFinite) &&
      event.code != kDeviceLost) {
    log::error("{}: {}", event.code, event.message);
    return {500, event.code, "", "an internal error; the server's log has the details"};
  }
  if (event.code != "context_full") {
    const std::string param = field_of(event, fields);
    std::string message = event.message;
    if (message.starts_with(kStopTokens)) message.replace(0, kStopTokens.size(), param);
    // In the errors of Anthropic's API only the message can name the field.
    const bool names_it = param.empty() || (event.code != "bad_rule" && event.code != "bad_tools");
    return {status_of(event.code), event.code, param, names_it ? message : param + ": " + message};
  }
  const std::string& prompt_field = fields.prompt;
  // OpenAI's code and wording, which clients look for.
  std::string message = event.message;
  if (const std::optional<ContextOverflow>& overflow = event.overflow) {
    const int completion = std::max(overflow->max_tokens, 1);
    message = fmt::format(
        "This model's maximum context length is {} tokens. However, you requested {} tokens ({} in the {}, "
        "{} "
        "in the completion). Please reduce the length of the {}.",
        overflow->context, int64_t{overflow->prompt} + completion, overflow->prompt,
        prompt_field.empty() ? "prompt" : prompt_field, completion,
        prompt_field.empty() ? "prompt" : prompt_field);
  }
  return {status_of(event.code), "context_length_exceeded", prompt_field, message};
}

std::string error_json(const ApiError& error) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return to_text({{"error",
                   {{"message", error.what()},
                    {"type", error.type()},
                    {"param", text_or_null(error.param())},
                    {"code", text_or_null(error.code())}}}});
}

HttpResponse error_response(const ApiError& error) {
  HttpResponse response = {.status = error.status(), .body = error_json(error)};
  // A retry would take as long again.
  if (error.code() == "deadline")
    response.headers.emplace_back("X-Should-Retry", "false");
  else if (error.status() == 429 || error.status() == 503)
    response.headers.emplace_back("Retry-After", std::to_string(kRetrySeconds));
  if (error.status() == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace ferrum::server
