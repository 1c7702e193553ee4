// The server with a fake engine, for clients of a test.
#pragma once
#include <chrono>
#include <memory>
#include <string_view>
#include <thread>

#include "server/client.h"
#include "server/fake_engine.h"
#include "server/server.h"

namespace ferrum::test {

// A server on a thread of its own, whose model "fake" is a fake engine.
class Served {
 public:
  explicit Served(FakeEngine::Script script = hello, ::ferrum::server::ServerOptions options = {});
  ~Served();

  int port() const;
  Client client() const { return Client(port()); }
  void stop(std::chrono::seconds patience);
  void join() { thread_.join(); }

  std::shared_ptr<FakeEngine> engine;
  ::ferrum::server::Server server;

 private:
  std::thread thread_;
};

// The response to these bytes, after which the server must have closed the connection.
Reply answer_and_close(const Served& served, std::string_view bytes);

}  // namespace ferrum::test
