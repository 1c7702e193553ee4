#include "server/http/byte_stream.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ferrum::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

auto token(ByteStream::ErrorCode& error) { return asio::redirect_error(asio::use_awaitable, error); }

// The operations that do not depend on TLS.
template <class Socket>
class SocketStream : public ByteStream {
 public:
  Awaitable<size_t> drop_some(asio::mutable_buffer bytes, ErrorCode& error) override {
    return socket().async_read_some(bytes, token(error));
  }
  void cancel() override {
    ErrorCode ignored;
    socket().cancel(ignored);
  }
  int descriptor() override { return socket().native_handle(); }
  asio::any_io_executor executor() override { return socket().get_executor(); }

 protected:
  virtual Socket& socket() = 0;
};

template <class Socket>
class PlainStream final : public SocketStream<Socket> {
 public:
  using ErrorCode = ByteStream::ErrorCode;
  template <class T>
  using Awaitable = asio::awaitable<T>;

  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  Awaitable<void> open(ErrorCode& /*error*/) override { co_return; }
  Awaitable<size_t> read_some(asio::mutable_buffer bytes, ErrorCode& error) override {
    return socket_.async_read_some(bytes, token(error));
  }
  Awaitable<size_t> write_some(asio::const_buffer bytes, ErrorCode& error) override {
    return socket_.async_write_some(bytes, token(error));
  }
  Awaitable<void> end_sending(ErrorCode& error) override {
    socket_.shutdown(Socket::shutdown_send, error);
    co_return;
  }

 private:
  Socket& socket() override { return socket_; }

  Socket socket_;
};

class TlsStream final : public SocketStream<tcp::socket> {
 public:
  TlsStream(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  Awaitable<void> open(ErrorCode& error) override {
    return stream_.async_handshake(asio::ssl::stream_base::server, token(error));
  }
  Awaitable<size_t> read_some(asio::mutable_buffer bytes, ErrorCode& error) override {
    return stream_.async_read_some(bytes, token(error));
  }
  Awaitable<size_t> write_some(asio::const_buffer bytes, ErrorCode& error) override {
    return stream_.async_write_some(bytes, token(error));
  }
  // Sends close_notify: without it the client could not distinguish the end from a truncation.
  Awaitable<void> end_sending(ErrorCode& error) override {
    co_await stream_.async_shutdown(token(error));
    socket().shutdown(tcp::socket::shutdown_send, error);
  }

 private:
  tcp::socket& socket() override { return stream_.next_layer(); }

  asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<ByteStream> byte_stream(tcp::socket socket) {
  return std::make_unique<PlainStream<tcp::socket>>(std::move(socket));
}
std::unique_ptr<ByteStream> byte_stream(asio::local::stream_protocol::socket socket) {
  return std::make_unique<PlainStream<asio::local::stream_protocol::socket>>(std::move(socket));
}
std::unique_ptr<ByteStream> tls_stream(tcp::socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsStream>(std::move(socket), context);
}

}  // namespace ferrum::server
