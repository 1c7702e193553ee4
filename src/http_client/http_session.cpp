#include "http_client/http_session.h"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <exception>

#include "http_client/http_connection.h"
#include "http_client/http_server_address.h"

namespace ferrum::http_client {

namespace asio = boost::asio;

class HttpSession::Impl {
 public:
  explicit Impl(const HttpServerAddress& server) : connection_(server.connection(context_.get_executor())) {}

  HttpHead exchange(const HttpCall& call, const OnBody& on_body) {
    HttpHead head;
    const auto run = [&]() -> asio::awaitable<void> {
      if (stopped_) throw HttpFault(HttpFault::Kind::kDisconnect, "stopped");
      head = co_await connection_->exchange(call, on_body);
    };
    asio::co_spawn(context_, run, [](const std::exception_ptr& e) {
      if (e) std::rethrow_exception(e);
    });
    context_.restart();
    context_.run();
    return head;
  }

  void stop() {
    stopped_ = true;  // set before the request to close, so that an exchange that begins later sees it
    asio::post(context_, [this] { connection_->close(); });
  }

 private:
  std::atomic<bool> stopped_ = false;
  asio::io_context context_;
  std::unique_ptr<HttpConnection> connection_;
};

HttpSession::HttpSession(const HttpServerAddress& server) : impl_(std::make_unique<Impl>(server)) {}
HttpSession::~HttpSession() = default;

HttpHead HttpSession::exchange(const HttpCall& call, const OnBody& on_body) {
  return impl_->exchange(call, on_body);
}
void HttpSession::stop() { impl_->stop(); }

}  // namespace ferrum::http_client
