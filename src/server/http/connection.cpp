#include "server/http/connection.h"

#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <cctype>

#include "base/error.h"
#include "base/log.h"

namespace ferrum::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using Parser = http::request_parser<http::string_body>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

HttpRequest request_from(Parser::value_type&& message) {
  HttpRequest r;
  r.method = std::string(message.method_string());
  const std::string_view target(message.target().data(), message.target().size());
  const size_t question = target.find('?');
  r.path = percent_decoded(target.substr(0, question));
  if (question != std::string_view::npos) r.query = std::string(target.substr(question + 1));
  for (const auto& field : message) r.headers[lower(field.name_string())] = std::string(field.value());
  r.body = std::move(message.body());
  return r;
}

HttpResponse error_response(int status, std::string_view what) {
  return {.status = status,
          .body = R"({"error":{"message":")" + std::string(what) +
                  R"(","type":"invalid_request_error","param":null,"code":null}})"};
}

// What is wrong with a request that could not be read; none: the client went away.
std::optional<HttpResponse> refusal(const boost::system::error_code& e) {
  using http::error;
  if (e == error::end_of_stream || e == error::partial_message) return std::nullopt;
  if (e == error::header_limit || e == error::buffer_overflow)
    return error_response(431, "the request's head is too large");
  if (e == error::body_limit) return error_response(413, "the request's body is too large");
  if (e.category() == http::make_error_code(error::bad_method).category())
    return error_response(400, "no HTTP/1.1 request: " + e.message());
  return std::nullopt;  // a time-out, or what a socket or TLS has to say
}

template <class Stream>
class Connection final : public Responder {
 public:
  Connection(Stream stream, Service& service)
      : stream_(std::move(stream)),
        service_(service),
        buffer_(service.options.max_header_bytes + kReadAhead) {
    ++service_.connections;
  }
  ~Connection() override { --service_.connections; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  asio::awaitable<void> run() {
    while (co_await one_request()) {
    }
    boost::system::error_code ignored;
    beast::get_lowest_layer(stream_).socket().shutdown(asio::socket_base::shutdown_send, ignored);
  }

  void add_headers(const HttpHeaders& headers) override {
    headers_.insert(headers_.end(), headers.begin(), headers.end());
  }

  asio::awaitable<void> send(HttpResponse response) override {
    http::response<http::string_body> message = head_of<http::string_body>(response);
    message.body() = std::move(response.body);
    message.prepare_payload();
    began_ = true;
    set_timeout(service_.options.write_timeout);
    co_await http::async_write(stream_, message, asio::use_awaitable);
  }

  asio::awaitable<void> begin(HttpResponse response) override {
    http::response<http::empty_body> message = head_of<http::empty_body>(response);
    message.chunked(version_ >= 11);
    if (version_ < 11) keep_ = false;  // the end of the connection is the end of the answer
    began_ = true;
    http::response_serializer<http::empty_body> serializer(message);
    set_timeout(service_.options.write_timeout);
    co_await http::async_write_header(stream_, serializer, asio::use_awaitable);
  }

  asio::awaitable<void> write(std::string_view part) override {
    if (part.empty()) co_return;  // an empty chunk would be the end
    const asio::const_buffer bytes(part.data(), part.size());
    set_timeout(service_.options.write_timeout);
    if (version_ >= 11)
      co_await asio::async_write(stream_, http::make_chunk(bytes), asio::use_awaitable);
    else
      co_await asio::async_write(stream_, bytes, asio::use_awaitable);
  }

  asio::awaitable<void> finish() override {
    set_timeout(service_.options.write_timeout);
    if (version_ >= 11) co_await asio::async_write(stream_, http::make_chunk_last(), asio::use_awaitable);
  }

  bool began() const override { return began_; }

  bool client_is_gone() override {
    char byte;
    auto& socket = beast::get_lowest_layer(stream_).socket();
    const auto n = recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
  }

  asio::any_io_executor executor() override { return stream_.get_executor(); }

 private:
  static constexpr size_t kReadAhead = 64 << 10;

  void set_timeout(std::chrono::seconds time) { beast::get_lowest_layer(stream_).expires_after(time); }

  // False when the connection is to be closed.
  asio::awaitable<bool> one_request() {
    Parser parser;
    parser.header_limit(static_cast<uint32_t>(service_.options.max_header_bytes));
    parser.body_limit(service_.options.max_body_bytes);
    began_ = false;
    headers_.clear();
    boost::system::error_code error;
    if (buffer_.size() == 0) {
      set_timeout(service_.options.idle_timeout);
      auto room = buffer_.prepare(kReadAhead);
      const size_t n =
          co_await stream_.async_read_some(room, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return false;
      buffer_.commit(n);
    }
    set_timeout(service_.options.read_timeout);
    co_await http::async_read_header(stream_, buffer_, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      version_ = parser.get().version();
      if (lower(parser.get()[http::field::expect]) == "100-continue") {
        http::response<http::empty_body> go_on(http::status::continue_, version_);
        co_await http::async_write(stream_, go_on, asio::redirect_error(asio::use_awaitable, error));
      }
    }
    if (!error)
      co_await http::async_read(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      keep_ = false;
      if (std::optional<HttpResponse> response = refusal(error)) co_await send(std::move(*response));
      co_return false;
    }
    keep_ = parser.get().keep_alive() && !service_.draining;
    co_return co_await answer(request_from(parser.release()));
  }

  asio::awaitable<bool> answer(HttpRequest request) {
    const Answering counted(service_.answering);
    bool failed = false;
    try {
      beast::get_lowest_layer(stream_).expires_never();
      co_await service_.handler(request, *this);
    } catch (const boost::system::system_error&) {
      co_return false;  // nobody reads
    } catch (const std::exception& e) {
      log::error("{} {}: {}", request.method, in_quotes(request.path), e.what());
      failed = true;
    }
    if (failed) {
      if (began_) co_return false;
      keep_ = false;
      co_await send(error_response(500, "an internal error; the server's log tells more"));
    }
    co_return keep_;
  }

  struct Answering {
    explicit Answering(std::atomic<int>& count) : count(count) { ++count; }
    ~Answering() { --count; }
    Answering(const Answering&) = delete;
    std::atomic<int>& count;
  };

  template <class Body>
  http::response<Body> head_of(const HttpResponse& response) {
    http::response<Body> message(static_cast<http::status>(response.status), version_);
    message.set(http::field::server, "ferrum");
    message.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.set(name, value);
    for (const auto& [name, value] : headers_) message.set(name, value);
    if (service_.draining) keep_ = false;
    message.keep_alive(keep_);
    return message;
  }

  Stream stream_;
  Service& service_;
  beast::flat_buffer buffer_;
  unsigned version_ = 11;
  bool keep_ = false;
  bool began_ = false;
  HttpHeaders headers_;  // of the answer, beside its own
};

template <class Stream>
asio::awaitable<void> run(Stream stream, Service& service) {
  try {
    Connection<Stream> connection(std::move(stream), service);
    co_await connection.run();
  } catch (const boost::system::system_error&) {
    // The client is gone, or too slow.
  }
}

}  // namespace

asio::awaitable<void> serve(beast::tcp_stream stream, Service& service) {
  return run(std::move(stream), service);
}

asio::awaitable<void> serve(beast::basic_stream<asio::local::stream_protocol> stream, Service& service) {
  return run(std::move(stream), service);
}

asio::awaitable<void> serve_tls(beast::ssl_stream<beast::tcp_stream> stream, Service& service) {
  boost::system::error_code error;
  beast::get_lowest_layer(stream).expires_after(service.options.read_timeout);
  co_await stream.async_handshake(asio::ssl::stream_base::server,
                                  asio::redirect_error(asio::use_awaitable, error));
  if (!error) co_await run(std::move(stream), service);
}

}  // namespace ferrum::server
