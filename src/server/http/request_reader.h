// The bytes of a connection as requests of HTTP/1.1 (RFC 9112).
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace ferrum::server {

// Why a request cannot be read any further: nothing that follows on the connection can be trusted.
struct HttpFault {
  int status = 0;
  std::string what;
};

// Reads one request.
class RequestReader {
 public:
  struct Limits {
    size_t head_bytes;  // request line included: more is 431
    size_t body_bytes;  // as it is without chunks: more is 413
  };
  explicit RequestReader(const Limits& limits);
  ~RequestReader();

  // Takes bytes, from the first on, and says how many: all but those that make no sense without more, and the
  // next request's. The same bytes, and further ones, come again then. Throws HttpFault.
  size_t take(std::string_view bytes);

  bool has_begun() const;  // a byte was taken
  bool has_head() const { return has_head_; }
  bool is_done() const;

  // Of the head, as far as it is known.
  int version() const { return version_; }  // 10 or 11
  bool is_head() const { return request_.method == "HEAD"; }
  bool keeps_alive() const { return keeps_alive_; }
  bool waits_for_continue() const;  // and sends no body before

  HttpRequest release();  // once it is done

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
