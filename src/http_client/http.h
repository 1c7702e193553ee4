// HTTP/1.1 requests, responses and connection options of a client.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http_client/endpoint.h"
#include "http_client/proxy.h"

namespace ferrum::http_client {

struct ServerOptions {
  Endpoint endpoint;
  std::optional<Proxy> proxy;  // between us and the server
  std::string api_key;         // empty: none
  std::string ca_file;         // trusted certificates in PEM; empty: the system's
  enum class Certificates { kChecked, kTrusted } certificates = Certificates::kChecked;
  std::chrono::milliseconds timeout = std::chrono::minutes(10);  // of an exchange, including connecting
  std::chrono::milliseconds stall{0};  // the longest time without a byte; 0: unlimited
};

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpHead {
  int status = 0;
  std::string content_type;
  HttpFields fields;  // in the order received
  // The first field with this name, case-insensitive; empty if there is none.
  std::string_view field(std::string_view name) const;
};

struct HttpCall {
  std::string method;  // "GET"
  std::string path;    // below the endpoint's base
  std::string body;    // JSON; POST only
  HttpFields fields;   // in addition to those of every request
};

// Why there was no complete response.
class HttpFault : public std::runtime_error {
 public:
  // kCertificate: the server's certificate could not be verified.
  enum class Kind { kConnection, kCertificate, kTimeout, kDisconnect, kMalformed };
  HttpFault(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

// Receives the response body in chunks.
using OnBody = std::function<void(const HttpHead& head, std::string_view part)>;

}  // namespace ferrum::http_client
