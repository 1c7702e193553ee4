// Why a request is not answered, as the client reads it.
#pragma once
#include <fmt/core.h>

#include <map>
#include <stdexcept>
#include <string>

#include "ferrum/types.h"
#include "server/http/message.h"

namespace ferrum::server {

class ApiError : public std::runtime_error {
 public:
  ApiError(int status, std::string code, std::string param, const std::string& message)
      : std::runtime_error(message), status_(status), code_(std::move(code)), param_(std::move(param)) {}

  int status() const { return status_; }
  const std::string& code() const { return code_; }    // stable; may be empty
  const std::string& param() const { return param_; }  // the field at fault; may be empty
  // OpenAI's: "invalid_request_error", "authentication_error", "rate_limit_error", "server_error", …
  const char* type() const;

 private:
  int status_;
  std::string code_;
  std::string param_;
};

// 400 for a field.
template <class... Args>
[[noreturn]] void refuse(const std::string& param, fmt::format_string<Args...> format, Args&&... args) {
  throw ApiError(400, "invalid_value", param, fmt::format(format, std::forward<Args>(args)...));
}

// The fields of a request that an error of the engine may concern; empty: not known.
struct RequestFields {
  std::string prompt{};  // if it is too long
  std::string rule{};
  std::map<std::string, std::string> functions{};  // where a function's schema stands, by its name
};
ApiError api_error(const ErrorEvent& event, const RequestFields& fields = {});

// {"error": {"message", "type", "param", "code"}}, in OpenAI's shape.
std::string error_json(const ApiError& error);
// With Retry-After where trying again may help, and X-Should-Retry: false where it cannot.
HttpResponse error_response(const ApiError& error);

}  // namespace ferrum::server
