#include "hub/settings.h"

#include <algorithm>
#include <cstdlib>

#include "base/ascii.h"
#include "base/error.h"
#include "hub/small_file.h"

namespace ferrum::hub {
namespace {

constexpr const char* kDefaultEndpoint = "https://huggingface.co";
constexpr size_t kMaxToken = 4096;

std::string token_from(const Environment& environment) {
  std::string source = "HF_TOKEN";
  std::string token(trimmed(environment("HF_TOKEN").value_or("")));
  if (token.empty()) {
    const auto path = environment("HF_TOKEN_PATH");
    const std::filesystem::path file =
        path && !path->empty() ? std::filesystem::path(*path) : hub_home(environment) / "token";
    source = file.string();
    const std::string text = text_of_file(file).value_or("");
    token = std::string(trimmed(std::string_view(text).substr(0, text.find('\n'))));
  }
  // The token becomes a header's value.
  if (token.size() > kMaxToken ||
      !std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    fail(ErrorCode::kBadArgument, "{}: its value is not a token", source);
  return token;
}

bool is_true(std::string_view value) {
  return value == "1" || is_same_word(value, "on") || is_same_word(value, "yes") ||
         is_same_word(value, "true");
}

}  // namespace

Settings settings_from(const Environment& environment) {
  Settings settings = {.cache = cache_folder(environment)};
  const std::string url = environment("HF_ENDPOINT").value_or("");
  try {
    settings.endpoint = http_client::parse_endpoint(url.empty() ? kDefaultEndpoint : url);
  } catch (const Error& e) {
    fail(ErrorCode::kBadArgument, "HF_ENDPOINT: {}", e.what());
  }
  settings.token = token_from(environment);
  settings.proxies = http_client::proxy_settings(environment);
  settings.offline = is_true(environment("HF_HUB_OFFLINE").value_or(""));
  return settings;
}

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* const value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

}  // namespace ferrum::hub
