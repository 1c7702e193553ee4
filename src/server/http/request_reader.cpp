#include "server/http/request_reader.h"

#include <fmt/core.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/ascii.h"
#include "server/http/request_target.h"

namespace ferrum::server {
namespace {

namespace http = boost::beast::http;
using Message = http::request<http::string_body>;

HttpFault fault_of(const boost::system::error_code& e) {
  if (e == http::error::header_limit) return {431, "the request's head is too large"};
  if (e == http::error::body_limit) return {413, "the request's body is too large"};
  return {400, "not an HTTP/1.1 request: " + e.message()};
}

// Why a well-formed head must not be trusted (RFC 9112, sections 3.2 and 6.1): a proxy in front of the server
// may have interpreted the host or the end of the body differently. Null if there is no reason.
const char* fault_of(const Message& head) {
  const auto hosts = head.count(http::field::host);
  const auto encodings = head.count(http::field::transfer_encoding);
  if (hosts > 1) return "more than one Host";
  if (hosts == 0 && head.version() >= 11) return "no Host";
  if (encodings > 0 && head.version() < 11) return "a Transfer-Encoding in HTTP/1.0";
  if (encodings > 1 || (encodings == 1 && !is_same_word(head[http::field::transfer_encoding], "chunked")))
    return "a Transfer-Encoding other than chunked";
  return nullptr;
}

// The version's place in a request whose first line is complete: of "1.1" in "GET / HTTP/1.1". npos: there is
// none.
size_t find_version(std::string_view request) {
  constexpr std::string_view kName = " HTTP/";
  const std::string_view line = trimmed(request.substr(0, request.find('\n')), "\r");
  if (line.size() < kName.size() + 3) return std::string_view::npos;
  const size_t at = line.size() - 3;
  const auto is_digit = [&](size_t i) { return line[i] >= '0' && line[i] <= '9'; };
  const bool is_version =
      line.substr(0, at).ends_with(kName) && is_digit(at) && line[at + 1] == '.' && is_digit(at + 2);
  return is_version && request.size() > line.size() ? at : std::string_view::npos;
}

// The request with a version that the parser takes: a later minor version is treated as the latest one that
// is known (RFC 9110, section 2.5). `storage` has the bytes if they differ. Throws for another major version.
std::string_view with_known_version(std::string_view request, std::string& storage) {
  const size_t at = find_version(request);
  if (at == std::string_view::npos) return request;
  if (request[at] != '1')
    throw HttpFault{
        505, fmt::format("HTTP/{} is not spoken here, only HTTP/1.1 and HTTP/1.0", request.substr(at, 3))};
  if (request[at + 2] <= '1') return request;
  storage = request;
  storage[at + 2] = '1';
  return storage;
}

}  // namespace

struct RequestReader::Parser : http::request_parser<http::string_body> {};

RequestReader::RequestReader(const Limits& limits) : parser_(std::make_unique<Parser>()) {
  parser_->header_limit(static_cast<uint32_t>(limits.head_bytes));
  parser_->body_limit(limits.body_bytes);
}

RequestReader::~RequestReader() = default;

size_t RequestReader::take(std::string_view bytes) {
  size_t taken = 0;
  // Some clients send an empty line after a body (RFC 9112, section 2.2).
  while (!has_begun() && (bytes.substr(taken).starts_with("\r\n") || bytes.substr(taken).starts_with('\n')))
    taken += bytes[taken] == '\r' ? 2 : 1;
  if (!has_begun() && bytes.substr(taken) == "\r") return taken;
  while (taken < bytes.size() && !parser_->is_done()) {
    boost::system::error_code error;
    std::string storage;
    const std::string_view rest = bytes.substr(taken);
    taken += parser_->put(boost::asio::buffer(has_head_ ? rest : with_known_version(rest, storage)), error);
    if (error == http::error::need_more) break;
    if (error) throw fault_of(error);
    if (parser_->is_header_done() && !has_head_) read_head();
  }
  return taken;
}

// Reads the head as soon as it is complete, since the parser later adds the trailers of a chunked body to its
// fields.
void RequestReader::read_head() {
  const Message& head = parser_->get();
  version_ = head.version() == 10 ? 10 : 11;
  request_.method = std::string(head.method_string());
  if (const char* fault = fault_of(head))
    throw HttpFault{400, std::string("not an HTTP/1.1 request: ") + fault};
  has_head_ = true;
  keeps_alive_ = head.keep_alive();
  std::optional<RequestTarget> target =
      parse_target(request_.method, {head.target().data(), head.target().size()});
  if (!target) throw HttpFault{400, "not an HTTP/1.1 request: its target is neither a path nor an http URL"};
  for (const auto& field : head) request_.headers[to_lower(field.name_string())] = std::string(field.value());
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  if (!target->authority.empty()) request_.headers["host"] = std::move(target->authority);
}

bool RequestReader::has_begun() const { return parser_->got_some(); }
bool RequestReader::is_done() const { return parser_->is_done(); }

bool RequestReader::waits_for_continue() const {
  return has_head_ && !is_done() && version_ >= 11 &&
         is_same_word(request_.header("expect").value_or(""), "100-continue");
}

HttpRequest RequestReader::release() {
  request_.body = std::move(parser_->get().body());
  return std::move(request_);
}

}  // namespace ferrum::server
