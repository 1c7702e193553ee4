// A connected socket, whatever carries its bytes.
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

// For one coroutine on the socket's executor. Virtual, so that what is built on it is compiled once: an
// asynchronous operation is a state machine for each kind of socket that it is used with.
class ByteStream {
 public:
  using ErrorCode = boost::system::error_code;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  virtual ~ByteStream() = default;

  virtual Awaitable<void> open(ErrorCode& error) = 0;  // what comes before the first byte: TLS' handshake
  virtual Awaitable<size_t> read_some(boost::asio::mutable_buffer bytes, ErrorCode& error) = 0;
  virtual Awaitable<size_t> write_some(boost::asio::const_buffer bytes, ErrorCode& error) = 0;
  // Says that nothing more will be sent.
  virtual Awaitable<void> end_sending(ErrorCode& error) = 0;
  // What still comes, and does not matter: beneath TLS.
  virtual Awaitable<size_t> drop_some(boost::asio::mutable_buffer bytes, ErrorCode& error) = 0;
  // What is waited for ends with an error.
  virtual void cancel() = 0;
  virtual int descriptor() = 0;
  virtual boost::asio::any_io_executor executor() = 0;
};

std::unique_ptr<ByteStream> byte_stream(boost::asio::ip::tcp::socket socket);
std::unique_ptr<ByteStream> byte_stream(boost::asio::local::stream_protocol::socket socket);
std::unique_ptr<ByteStream> tls_stream(boost::asio::ip::tcp::socket socket,
                                       boost::asio::ssl::context& context);

}  // namespace ferrum::server
