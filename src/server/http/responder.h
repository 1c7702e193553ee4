// A handler's response to one request: whole, or as a stream.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "server/http/message.h"

namespace ferrum::server {

// Used by one coroutine at a time. Writing throws boost::system::system_error if the client closed the
// connection or does not read in time.
class Responder {
 public:
  virtual ~Responder() = default;

  // Adds headers to the response before it is sent.
  virtual void add_headers(const HttpHeaders& headers) = 0;

  // Sends a whole response.
  virtual boost::asio::awaitable<void> send(HttpResponse response) = 0;

  // Sends a response in parts: begin, write any number of times, finish.
  virtual boost::asio::awaitable<void> begin(HttpResponse head) = 0;
  virtual boost::asio::awaitable<void> write(std::string_view part) = 0;
  virtual boost::asio::awaitable<void> finish() = 0;
  virtual bool began() const = 0;  // the status has been sent
  virtual int status() const = 0;  // the status sent; 0 before

  // What is known of the client without reading from it.
  enum class Client {
    kConnected,
    kHalfClosed,  // sends nothing more; it may still read the response, or be gone
                  // (RFC 9112, section 9.6)
    kGone,        // does not read the response
  };
  virtual Client client() = 0;
  // Before the response begins: sends the next byte of "HTTP/1.1 ", with which every response begins, until
  // all are sent. If a half-closed client is gone, its system answers with a reset, which client() then
  // reports.
  virtual boost::asio::awaitable<void> probe() = 0;
  // The server is stopping and no longer waits: responses must end now.
  virtual bool time_is_up() const = 0;
  virtual boost::asio::any_io_executor executor() = 0;
};

}  // namespace ferrum::server
