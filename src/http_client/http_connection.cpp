#include "http_client/http_connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <type_traits>
#include <vector>

#include "base/ascii.h"
#include "base/error.h"
#include "base/file_descriptor.h"
#include "http_client/http_server_address.h"
#include "http_client/private_networks.h"

namespace ferrum::http_client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;
using TcpStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<TcpStream>;
using LocalStream = beast::basic_stream<Local>;
using boost::system::error_code;
using Kind = HttpFault::Kind;

constexpr size_t kMaxHeaderBytes = 64 << 10;
constexpr size_t kReadAhead = 16 << 10;

// Whether the connection was closed, as reported by the system, by TLS or by HTTP.
bool is_closed(const error_code& e) {
  return e == asio::error::eof || e == asio::error::connection_reset || e == asio::error::broken_pipe ||
         e == asio::error::connection_aborted || e == ssl::error::stream_truncated ||
         e == http::error::end_of_stream || e == http::error::partial_message;
}

Kind kind_of(const error_code& e) {
  if (e == beast::error::timeout) return Kind::kTimeout;
  if (e.category() == http::make_error_code(http::error::bad_version).category() && !is_closed(e))
    return Kind::kMalformed;
  return Kind::kDisconnect;
}

// The deadlines of one exchange: for all of it, and for each byte.
class Deadlines {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Deadlines(const ServerOptions& options)
      : stall_(options.stall), deadline_(Clock::now() + options.timeout) {}

  Clock::time_point deadline() const { return deadline_; }
  template <class Stream>
  void arm(Stream& stream) const {
    const Clock::time_point soon = stall_.count() > 0 ? Clock::now() + stall_ : deadline_;
    beast::get_lowest_layer(stream).expires_at(std::min(soon, deadline_));
  }

 private:
  Clock::duration stall_;
  Clock::time_point deadline_;
};

struct Shared {
  ServerOptions options;
  std::vector<tcp::endpoint> addresses;
  mutable ssl::context tls{ssl::context::tls_client};  // mutable: streams take a non-const context

  [[noreturn]] void throw_fault(Kind kind, const char* what, const error_code& e,
                                const Deadlines& deadlines) const {
    if (kind != Kind::kTimeout) throw HttpFault(kind, fmt::format("{}: {}", what, e.message()));
    const bool stalled = std::chrono::steady_clock::now() < deadlines.deadline();
    throw HttpFault(kind, stalled ? fmt::format("no data for {} s", options.stall.count() / 1000.0)
                                  : fmt::format("not done within {} s", options.timeout.count() / 1000.0));
  }
};

template <class Stream>
class Connection final : public HttpConnection {
 public:
  Connection(const asio::any_io_executor& executor, const Shared& shared)
      : executor_(executor), shared_(shared) {}

  asio::awaitable<HttpHead> exchange(const HttpCall& call, const OnBody& on_body) override {
    const Deadlines deadlines(shared_.options);
    const http::request<http::string_body> request = request_of(call);
    while (true) {
      const bool reused = stream_.has_value();
      if (!reused) co_await connect(deadlines);
      Answer answer;
      error_code error;
      try {
        error = co_await attempt(request, on_body, deadlines, answer);
      } catch (...) {  // thrown by `on_body`: the unread rest makes the connection unusable
        disconnect();
        throw;
      }
      if (!error && answer.keep) co_return answer.head;
      disconnect();
      if (!error) co_return answer.head;
      if (reused && !answer.began && is_closed(error)) continue;
      shared_.throw_fault(kind_of(error), answer.began ? "the response was cut off" : "no response", error,
                          deadlines);
    }
  }

  void close() override {
    if (stream_) beast::get_lowest_layer(*stream_).close();
  }

 private:
  struct Answer {
    HttpHead head;
    bool began = false;
    bool keep = false;  // whether the connection stays open
  };

  // A proxy gets the target in absolute form.
  bool uses_proxy() const { return std::is_same_v<Stream, TcpStream> && shared_.options.proxy; }

  http::request<http::string_body> request_of(const HttpCall& call) const {
    const Endpoint& endpoint = shared_.options.endpoint;
    http::request<http::string_body> request(
        http::string_to_verb(call.method),
        uses_proxy() ? endpoint.url(call.path) : endpoint.target(call.path), 11);
    request.set(http::field::host, endpoint.authority);
    request.set(http::field::user_agent, "ferrum");
    request.set(http::field::accept, "*/*");
    if (uses_proxy() && !shared_.options.proxy->authorization.empty())
      request.set(http::field::proxy_authorization, shared_.options.proxy->authorization);
    if (!shared_.options.api_key.empty())
      request.set(http::field::authorization, "Bearer " + shared_.options.api_key);
    for (const auto& [name, value] : call.fields) request.set(name, value);
    if (!call.body.empty()) {
      request.set(http::field::content_type, "application/json");
      request.body() = call.body;
      request.prepare_payload();
    }
    return request;
  }

  void disconnect() {
    stream_.reset();
    buffer_.clear();
  }

  void make_stream() {
    if constexpr (std::is_same_v<Stream, TlsStream>)
      stream_.emplace(executor_, shared_.tls);
    else
      stream_.emplace(executor_);
  }

  asio::awaitable<void> connect(const Deadlines& deadlines) {
    make_stream();
    deadlines.arm(*stream_);
    error_code error;
    auto& lowest = beast::get_lowest_layer(*stream_);
    if constexpr (std::is_same_v<Stream, LocalStream>) {
      co_await lowest.async_connect(Local::endpoint(shared_.options.endpoint.host),
                                    asio::redirect_error(asio::use_awaitable, error));
    } else {
      co_await lowest.async_connect(shared_.addresses, asio::redirect_error(asio::use_awaitable, error));
      if (!error) lowest.socket().set_option(tcp::no_delay(true), error);
    }
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      if (!error && shared_.options.proxy) co_await open_tunnel(deadlines, error);
      if (!error) {
        const std::string& host = shared_.options.endpoint.host;
        SSL_set_tlsext_host_name(stream_->native_handle(), host.c_str());
        if (shared_.options.certificates == ServerOptions::Certificates::kChecked)
          stream_->set_verify_callback(ssl::host_name_verification(host));
        deadlines.arm(*stream_);
        co_await stream_->async_handshake(ssl::stream_base::client,
                                          asio::redirect_error(asio::use_awaitable, error));
      }
    }
    if (!error) co_return;
    if constexpr (std::is_same_v<Stream, TlsStream>)
      if (const long why = SSL_get_verify_result(stream_->native_handle()); why != X509_V_OK) {
        disconnect();
        throw HttpFault(Kind::kCertificate, fmt::format("its certificate cannot be verified: {}",
                                                        X509_verify_cert_error_string(why)));
      }
    disconnect();
    shared_.throw_fault(error == beast::error::timeout ? Kind::kTimeout : Kind::kConnection,
                        shared_.options.proxy ? "cannot connect through the proxy" : "cannot connect", error,
                        deadlines);
  }

  // RFC 9110, 9.3.6: from here on the proxy forwards bytes in both directions.
  asio::awaitable<void> open_tunnel(const Deadlines& deadlines, error_code& error) {
    const Endpoint& e = shared_.options.endpoint;
    const std::string host =
        (e.host.find(':') == std::string::npos ? e.host : "[" + e.host + "]") + ":" + e.port;
    http::request<http::empty_body> request(http::verb::connect, host, 11);
    request.set(http::field::host, host);
    if (!shared_.options.proxy->authorization.empty())
      request.set(http::field::proxy_authorization, shared_.options.proxy->authorization);
    auto& lowest = beast::get_lowest_layer(*stream_);
    co_await http::async_write(lowest, request, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    http::response_parser<http::empty_body> parser;
    parser.header_limit(kMaxHeaderBytes);
    parser.skip(true);
    deadlines.arm(*stream_);
    co_await http::async_read_header(lowest, buffer_, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    const unsigned status = parser.get().result_int();
    if (status >= 200 && status < 300) co_return;
    disconnect();
    throw HttpFault(Kind::kConnection, fmt::format("the proxy {}:{} answers {}", shared_.options.proxy->host,
                                                   shared_.options.proxy->port, status));
  }

  asio::awaitable<error_code> attempt(const http::request<http::string_body>& request, const OnBody& on_body,
                                      const Deadlines& deadlines, Answer& answer) {
    error_code sent;
    deadlines.arm(*stream_);
    co_await http::async_write(*stream_, request, asio::redirect_error(asio::use_awaitable, sent));
    // A server may refuse a request before it has read all of it, and close the connection.
    if (sent && !is_closed(sent)) co_return sent;
    error_code error;
    std::optional<http::response_parser<http::buffer_body>> parser;
    do {  // skips interim responses such as 100 Continue
      parser.emplace();
      parser->header_limit(kMaxHeaderBytes);
      parser->body_limit(boost::none);  // `on_body` limits the size
      parser->skip(request.method() == http::verb::head);
      deadlines.arm(*stream_);
      co_await http::async_read_header(*stream_, buffer_, *parser,
                                       asio::redirect_error(asio::use_awaitable, error));
      answer.began |= parser->got_some();
      if (error) co_return error;
    } while (parser->get().result_int() < 200);
    http::response<http::buffer_body>& message = parser->get();
    answer.head.status = static_cast<int>(message.result_int());
    answer.head.content_type = std::string(message[http::field::content_type]);
    for (const auto& field : message) answer.head.fields.emplace_back(field.name_string(), field.value());
    while (!parser->is_done()) {
      deadlines.arm(*stream_);
      message.body().data = part_.data();
      message.body().size = part_.size();
      co_await http::async_read_some(*stream_, buffer_, *parser,
                                     asio::redirect_error(asio::use_awaitable, error));
      const size_t size = part_.size() - message.body().size;
      if (size > 0) on_body(answer.head, {part_.data(), size});
      if (error == http::error::need_buffer) error = {};
      if (error) co_return error;
    }
    answer.keep = !sent && parser->keep_alive();
    co_return error;
  }

  asio::any_io_executor executor_;
  const Shared& shared_;
  beast::flat_buffer buffer_{kMaxHeaderBytes + kReadAhead};
  std::array<char, kReadAhead> part_;  // of a response body
  std::optional<Stream> stream_;       // set while connected
};

}  // namespace

class HttpServerAddress::Impl {
 public:
  explicit Impl(ServerOptions options) {
    shared.options = std::move(options);
    if (transport() == Endpoint::Transport::kTls) trust();
    if (transport() != Endpoint::Transport::kUnix) look_up();
  }

  Endpoint::Transport transport() const { return shared.options.endpoint.transport; }

  Shared shared;

 private:
  void look_up() {
    const Endpoint& e = shared.options.endpoint;
    const std::optional<Proxy>& proxy = shared.options.proxy;
    const std::string& host = proxy ? proxy->host : e.host;
    asio::io_context context;
    tcp::resolver resolver(context);
    error_code error;
    for (const auto& found : resolver.resolve(host, proxy ? proxy->port : e.port, error))
      shared.addresses.push_back(found);
    if (error)
      fail(ErrorCode::kIo, "{}: cannot resolve {}{}: {}", e.url(""), proxy ? "its proxy " : "",
           in_quotes(host), error.message());
  }

  void trust() {
    const ServerOptions& o = shared.options;
    if (o.certificates == ServerOptions::Certificates::kTrusted) {
      shared.tls.set_verify_mode(ssl::verify_none);
      return;
    }
    shared.tls.set_verify_mode(ssl::verify_peer);
    error_code error;
    if (o.ca_file.empty()) {
      // OpenSSL would wait for the writer of a FIFO.
      const char* const more = std::getenv("SSL_CERT_FILE");
      if (more != nullptr && std::filesystem::exists(more)) open_regular_file(more);
      shared.tls.set_default_verify_paths(error);
    } else {
      open_regular_file(o.ca_file);
      shared.tls.load_verify_file(o.ca_file, error);
      if (error) fail(ErrorCode::kBadFile, "{}: no certificates in PEM: {}", o.ca_file, error.message());
    }
  }
};

std::string_view HttpHead::field(std::string_view name) const {
  for (const auto& [known, value] : fields)
    if (is_same_word(known, name)) return value;
  return {};
}

HttpServerAddress::HttpServerAddress(ServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpServerAddress::~HttpServerAddress() = default;

const ServerOptions& HttpServerAddress::options() const { return impl_->shared.options; }

std::string HttpServerAddress::private_address() const {
  const ServerOptions& options = impl_->shared.options;
  if (options.proxy) {
    error_code is_name;
    const auto address = asio::ip::make_address(options.endpoint.host, is_name);
    return !is_name && is_private(address) ? address.to_string() : "";
  }
  for (const tcp::endpoint& endpoint : impl_->shared.addresses)
    if (is_private(endpoint.address())) return endpoint.address().to_string();
  return "";
}

std::unique_ptr<HttpConnection> HttpServerAddress::connection(const asio::any_io_executor& executor) const {
  switch (impl_->transport()) {
    case Endpoint::Transport::kTls:
      return std::make_unique<Connection<TlsStream>>(executor, impl_->shared);
    case Endpoint::Transport::kUnix:
      return std::make_unique<Connection<LocalStream>>(executor, impl_->shared);
    case Endpoint::Transport::kTcp:
      break;
  }
  return std::make_unique<Connection<TcpStream>>(executor, impl_->shared);
}

}  // namespace ferrum::http_client
