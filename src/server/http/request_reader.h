// Parses HTTP/1.1 requests from the bytes of a connection (RFC 9112).
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace ferrum::server {

// Why a request cannot be read. The connection must be closed, since the start of the next request is
// unknown.
struct HttpFault {
  int status = 0;
  std::string what;
};

// Parses one request.
class RequestReader {
 public:
  struct Limits {
    size_t head_bytes;  // including the request line; if exceeded: 431
    size_t body_bytes;  // without chunk framing; if exceeded: 413
  };
  explicit RequestReader(const Limits& limits);
  ~RequestReader();

  // Consumes bytes from the beginning and returns their number. Incomplete bytes and those of the next
  // request are not consumed: the caller passes them again together with further bytes. Skips empty lines
  // before a request. Throws HttpFault.
  size_t take(std::string_view bytes);

  bool has_begun() const;  // a byte of the request was consumed
  bool has_head() const { return has_head_; }
  bool is_done() const;

  // The head, as far as it is known.
  int version() const { return version_; }  // 10 or 11
  bool is_head() const { return request_.method == "HEAD"; }
  bool keeps_alive() const { return keeps_alive_; }
  bool waits_for_continue() const;  // the client sends no body before a 100 (Continue)

  HttpRequest release();  // call once when done

 private:
  struct Parser;
  void read_head();

  std::unique_ptr<Parser> parser_;
  HttpRequest request_;
  int version_ = 11;
  bool has_head_ = false;
  bool keeps_alive_ = false;
};

}  // namespace ferrum::server
