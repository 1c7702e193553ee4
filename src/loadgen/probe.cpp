#include "loadgen/probe.h"

#include "base/error.h"
#include "http_client/http_server_address.h"
#include "loadgen/load.h"

namespace ferrum::loadgen {
namespace {

constexpr size_t kMaxQuoted = 400;

[[noreturn]] void fail_with(const std::string& url, int status, std::string_view body) {
  fail(ErrorCode::kIo, "{} answers {}: {}", url, status, in_quotes(error_message(body), kMaxQuoted));
}

// Drops the field that a refusal names; returns false if it names none of ours.
bool give_way(RequestOptions& options, std::string_view refusal, std::vector<std::string>& dropped_fields) {
  struct Field {
    const char* name;
    bool RequestOptions::*wanted;
  };
  for (const auto& [name, wanted] :
       {Field{"ignore_eos", &RequestOptions::ignore_eos}, Field{"stream_options", &RequestOptions::usage}})
    if (options.*wanted && refusal.find(name) != std::string_view::npos) {
      options.*wanted = false;
      dropped_fields.emplace_back(name);
      return true;
    }
  return false;
}

}  // namespace

std::string first_model(const HttpServerAddress& server) {
  constexpr const char* kPath = "/models";
  const HttpReply reply = fetch(server, kPath);
  const std::string url = server.options().endpoint.url(kPath);
  if (reply.status != 200) fail_with(url, reply.status, reply.body);
  try {
    return first_model(reply.body);
  } catch (const Error& e) {
    fail(ErrorCode::kIo, "{}: {}; name one with --model", url, e.what());
  }
}

std::vector<std::string> agree_on_fields(const HttpServerAddress& server, RequestOptions& options) {
  const std::string path(path_of(options.api));
  std::vector<std::string> dropped_fields;
  while (true) {
    const HttpReply reply = fetch(server, path, request_body(options, {.text = "Hello", .max_tokens = 1}));
    if (reply.status == 200) return dropped_fields;
    const bool refused = reply.status == 400 || reply.status == 422;
    if (!refused || !give_way(options, error_message(reply.body), dropped_fields))
      fail_with(server.options().endpoint.url(path), reply.status, reply.body);
  }
}

}  // namespace ferrum::loadgen
