// Reads the requests of HTTP/1.1 from a connection's bytes (RFC 9112).
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

// Reads one request.
class RequestReader {
 public:
  struct Limits {
    size_t head_bytes;  // request line included: more is 431
    size_t body_bytes;  // as it is without chunks: more is 413
  };
  explicit RequestReader(const Limits& limits);
  ~RequestReader();

  // Consumes bytes from the first on and returns their number. Bytes that are incomplete without more, and
  // those of the next request, are not consumed: the caller passes them again, with what follows them. Empty
  // lines before a request are skipped. Throws HttpFault.
  size_t take(std::string_view bytes);

  bool has_begun() const;  // a byte of the request was consumed
  bool has_head() const { return has_head_; }
  bool is_done() const;

  // Properties of the head, as far as it is known.
  int version() const { return version_; }  // 10 or 11
  bool is_head() const { return request_.method == "HEAD"; }
  bool keeps_alive() const { return keeps_alive_; }
  bool waits_for_continue() const;  // the client sends no body before a 100 (Continue)

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
