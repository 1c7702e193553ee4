// How a handler answers one request: at once, or as a stream.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "server/http/message.h"

namespace ferrum::server {

// One coroutine at a time. Throws boost::system::system_error where the client does not take what is written,
// or not in time.
class Responder {
 public:
  virtual ~Responder() = default;

  // Further headers of the answer to come.
  virtual void add_headers(const HttpHeaders& headers) = 0;

  // The whole answer.
  virtual boost::asio::awaitable<void> send(HttpResponse response) = 0;

  // An answer in parts: begin, write as often as there is something, finish.
  virtual boost::asio::awaitable<void> begin(HttpResponse head) = 0;
  virtual boost::asio::awaitable<void> write(std::string_view part) = 0;
  virtual boost::asio::awaitable<void> finish() = 0;
  virtual bool began() const = 0;  // anything at all

  // The client has broken off or closed its sending side, which nobody does who waits for more: nobody reads
  // what is to come. Whatever else it has sent does not matter.
  virtual bool client_is_gone() = 0;
  // The server stops and waits no longer: what is under way is to end now.
  virtual bool time_is_up() const = 0;
  virtual boost::asio::any_io_executor executor() = 0;
};

}  // namespace ferrum::server
