#include "server/http/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/system/system_error.hpp>

#include "base/error.h"
#include "base/log.h"
#include "server/http/deadline.h"
#include "server/http/request_id.h"
#include "server/http/request_reader.h"

namespace ferrum::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using boost::system::system_error;

HttpResponse error_response(int status, std::string_view what) {
  return {
      .status = status,
      .body = fmt::format(
          R"({{"error":{{"message":"{}","type":"invalid_request_error","param":null,"code":null}}}})", what)};
}

bool has_body(const HttpResponse& response) { return response.status != 204 && response.status != 304; }

void append_header(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

class Connection final : public Responder {
 public:
  Connection(std::unique_ptr<ByteStream> stream, Service& service)
      : stream_(std::move(stream)),
        service_(service),
        deadline_(stream_->executor(), [this] { stream_->cancel(); }),
        in_(service.options.max_header_bytes + kReadAhead) {
    ++service_.connections;
  }
  ~Connection() override { --service_.connections; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  asio::awaitable<void> run() {
    error_code error;
    deadline_.set(service_.options.read_timeout);
    co_await stream_->open(error);
    if (error) co_return;
    while (co_await one_request()) {
    }
    co_await close();
  }

  void add_headers(const HttpHeaders& headers) override {
    headers_.insert(headers_.end(), headers.begin(), headers.end());
  }

  asio::awaitable<void> send(HttpResponse response) override {
    std::string text = begin_text(response);
    if (has_body(response)) append_header(text, "Content-Length", std::to_string(response.body.size()));
    text += "\r\n";
    if (!is_head_) text += response.body;
    co_await write_begin(text);
  }

  asio::awaitable<void> begin(HttpResponse response) override {
    if (version_ < 11) keep_ = false;  // the end of the connection marks the end of the response
    std::string text = begin_text(response);
    if (version_ >= 11) append_header(text, "Transfer-Encoding", "chunked");
    text += "\r\n";
    co_await write_begin(text);
  }

  asio::awaitable<void> write(std::string_view part) override {
    if (part.empty()) co_return;  // an empty chunk would end the response
    if (version_ < 11) co_return co_await write_all(part);
    chunk_.clear();
    fmt::format_to(std::back_inserter(chunk_), "{:x}\r\n", part.size());
    chunk_.append(part).append("\r\n");
    co_await write_all(chunk_);
  }

  asio::awaitable<void> finish() override {
    if (version_ >= 11) co_await write_all("0\r\n\r\n");
  }

  bool began() const override { return status_ != 0; }
  int status() const override { return status_; }

  Client client() override {
    pollfd socket = {stream_->descriptor(), POLLRDHUP, 0};
    if (poll(&socket, 1, 0) <= 0 || socket.revents == 0) return Client::kConnected;
    return socket.revents == POLLRDHUP ? Client::kHalfClosed : Client::kGone;
  }

  asio::awaitable<void> probe() override {
    const std::string common = version_text();
    if (began() || probed_ == common.size()) co_return;
    const std::string_view next = std::string_view(common).substr(probed_, 1);
    ++probed_;
    co_await write_all(next);
  }

  bool time_is_up() const override { return service_.time_is_up; }

  asio::any_io_executor executor() override { return stream_->executor(); }

 private:
  static constexpr size_t kReadAhead = 64 << 10;
  // How long the server continues to read and discard what a refused client sends. If it closed the
  // connection at once, the system would reset it, and the client would not get the refusal.
  static constexpr std::chrono::milliseconds kLinger{2000};
  static constexpr size_t kMaxLogged = 1000;
  static constexpr const char* kRequestId = "X-Request-Id";

  asio::awaitable<void> close() {
    error_code error;
    deadline_.set(std::min(kLinger, service_.options.read_timeout));
    co_await stream_->end_sending(error);
    char dropped[4096];
    while (!error && !deadline_.is_over()) co_await stream_->drop_some(asio::buffer(dropped), error);
  }

  // Returns false if the connection must be closed.
  asio::awaitable<bool> one_request() {
    const HttpOptions& o = service_.options;
    RequestReader reader({.head_bytes = o.max_header_bytes, .body_bytes = o.max_body_bytes});
    version_ = 11;
    is_head_ = keep_ = false;
    status_ = 0;
    probed_ = 0;
    headers_.clear();
    std::optional<HttpFault> fault;
    try {
      if (!co_await read(reader)) co_return false;
    } catch (const HttpFault& f) {
      fault = f;
    }
    if (fault) {
      version_ = reader.version();
      is_head_ = reader.is_head();
      headers_ = {{kRequestId, request_id({})}};
      if (service_.on_fault) service_.on_fault(fault->status);
      co_await send(error_response(fault->status, fault->what));
      co_return false;
    }
    deadline_.clear();
    keep_ = reader.keeps_alive() && !service_.draining;
    HttpRequest request = reader.release();
    request.id = request_id(request.header("x-request-id").value_or(""));
    headers_ = {{kRequestId, request.id}};
    co_return co_await answer(std::move(request));
  }

  // Returns false if the client sent no request, or closed the connection before its request was complete.
  // Throws HttpFault.
  asio::awaitable<bool> read(RequestReader& reader) {
    bool sent_continue = false;
    bool begun = false;
    deadline_.set(service_.options.idle_timeout);
    while (true) {
      const auto bytes = in_.cdata();
      in_.consume(reader.take({static_cast<const char*>(bytes.data()), bytes.size()}));
      if (!begun && reader.has_begun()) {
        begun = true;
        deadline_.set(service_.options.read_timeout);
      }
      version_ = reader.version();
      is_head_ = reader.is_head();
      if (reader.is_done()) co_return true;
      if (in_.size() == in_.max_size())
        throw HttpFault{400, "not an HTTP/1.1 request: a chunk without an end"};
      if (reader.waits_for_continue() && in_.size() == 0 && !std::exchange(sent_continue, true))
        co_await write_by(deadline_, "HTTP/1.1 100 Continue\r\n\r\n");
      if (const error_code error = co_await read_more()) {
        if (!begun || !deadline_.is_over()) co_return false;
        throw HttpFault{408, "timed out waiting for the request"};
      }
    }
  }

  asio::awaitable<error_code> read_more() {
    error_code error;
    if (deadline_.is_over()) co_return asio::error::timed_out;
    const size_t room = std::min(kReadAhead, in_.max_size() - in_.size());
    in_.commit(co_await stream_->read_some(in_.prepare(room), error));
    co_return error;
  }

  // Closes the connection if the client does not read the text within the write timeout.
  asio::awaitable<void> write_all(std::string_view text) {
    deadline_.set(service_.options.write_timeout);
    co_await write_by(deadline_, text);
    deadline_.clear();
  }

  asio::awaitable<void> write_by(const Deadline& deadline, std::string_view text) {
    while (!text.empty()) {
      error_code error;
      if (deadline.is_over()) throw system_error(asio::error::timed_out);
      text.remove_prefix(co_await stream_->write_some(asio::buffer(text), error));
      if (error) throw system_error(error);
    }
  }

  // Probes may have sent its first bytes already.
  asio::awaitable<void> write_begin(std::string_view text) { return write_all(text.substr(probed_)); }

  asio::awaitable<bool> answer(HttpRequest request) {
    const Answering counted(service_.answering);
    bool failed = false;
    try {
      co_await service_.handler(request, *this);
    } catch (const system_error&) {
      co_return false;  // the client does not read the response
    } catch (const std::exception& e) {
      log::error("{} {} ({}): {}", in_quotes(request.method), in_quotes(request.path), request.id,
                 in_quotes(e.what(), kMaxLogged));
      failed = true;
    }
    if (failed) {
      keep_ = false;
      if (began()) co_return false;
      co_await send(error_response(500, "an internal error; the server's log has the details"));
    }
    co_return keep_;
  }

  struct Answering {
    explicit Answering(std::atomic<int>& count) : count(count) { ++count; }
    ~Answering() { --count; }
    Answering(const Answering&) = delete;
    std::atomic<int>& count;
  };

  std::string version_text() const { return fmt::format("HTTP/1.{} ", version_ - 10); }

  // The status line and the headers, without those that delimit the body.
  std::string begin_text(const HttpResponse& response) {
    if (service_.draining) keep_ = false;
    status_ = response.status;
    const auto reason = beast::http::obsolete_reason(static_cast<beast::http::status>(response.status));
    std::string text = fmt::format("{}{} {}\r\n", version_text(), response.status,
                                   std::string_view(reason.data(), reason.size()));
    append_header(text, "Server", "ferrum");
    if (has_body(response)) append_header(text, "Content-Type", response.content_type);
    for (const auto& [name, value] : response.headers) append_header(text, name, value);
    for (const auto& [name, value] : headers_) append_header(text, name, value);
    if (!keep_ || version_ < 11) append_header(text, "Connection", keep_ ? "keep-alive" : "close");
    return text;
  }

  std::unique_ptr<ByteStream> stream_;
  Service& service_;
  Deadline deadline_;
  beast::flat_buffer in_;  // received, and not yet consumed by a RequestReader
  std::string chunk_;
  int version_ = 11;
  bool keep_ = false;     // keep the connection for the next request
  bool is_head_ = false;  // the method is HEAD: the response has no body
  int status_ = 0;        // of the response that has begun; 0: none has begun
  size_t probed_ = 0;     // bytes of version_text() that probes have sent
  HttpHeaders headers_;   // added to the response by add_headers()
};

}  // namespace

asio::awaitable<void> serve(std::unique_ptr<ByteStream> stream, Service& service) {
  try {
    Connection connection(std::move(stream), service);
    co_await connection.run();
  } catch (const system_error&) {
    // The client closed the connection, or read too slowly.
  } catch (const std::exception& e) {
    log::error("a connection failed: {}", in_quotes(e.what()));
  }
}

}  // namespace ferrum::server
