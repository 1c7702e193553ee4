// Where a server's API is.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::loadgen {

struct Endpoint {
  enum class Transport { kTcp, kTls, kUnix };
  Transport transport = Transport::kTcp;
  std::string host;       // a name or an address, without brackets; of kUnix the socket's path
  std::string port;       // "8000"; of kUnix empty
  std::string base;       // what stands before "/chat/completions": "/v1"
  std::string authority;  // the Host header: "localhost:8000", "[::1]:8000"

  std::string url(std::string_view path) const;     // of a path below the base, for messages
  std::string target(std::string_view path) const;  // the same as a request line has it
};

// http://HOST[:PORT][/BASE], https://…, unix:PATH or http+unix:PATH; without a scheme, http. As clients of
// OpenAI's take it: a path is the whole base, and none is /v1. Error kBadArgument naming the text.
Endpoint parse_endpoint(std::string_view url);

}  // namespace ferrum::loadgen
