// A connected socket: TCP, TLS or Unix.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <memory>

namespace boost::asio::ssl {
class context;
}

namespace ferrum::server {

// Used by one coroutine on the socket's executor. The interface is virtual so that connections are compiled
// once: templates over the socket would compile every asynchronous operation once per
// kind of socket.
class ByteStream {
 public:
  using ErrorCode = boost::system::error_code;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  virtual ~ByteStream() = default;

  virtual Awaitable<void> open(ErrorCode& error) = 0;  // the TLS handshake
  virtual Awaitable<size_t> read_some(boost::asio::mutable_buffer bytes, ErrorCode& error) = 0;
  virtual Awaitable<size_t> write_some(boost::asio::const_buffer bytes, ErrorCode& error) = 0;
  // Closes the sending side.
  virtual Awaitable<void> end_sending(ErrorCode& error) = 0;
  // Reads and discards bytes without decrypting them.
  virtual Awaitable<size_t> drop_some(boost::asio::mutable_buffer bytes, ErrorCode& error) = 0;
  // Makes pending operations fail.
  virtual void cancel() = 0;
  virtual int descriptor() = 0;
  virtual boost::asio::any_io_executor executor() = 0;
};

std::unique_ptr<ByteStream> byte_stream(boost::asio::ip::tcp::socket socket);
std::unique_ptr<ByteStream> byte_stream(boost::asio::local::stream_protocol::socket socket);
std::unique_ptr<ByteStream> tls_stream(boost::asio::ip::tcp::socket socket,
                                       boost::asio::ssl::context& context);

}  // namespace ferrum::server
