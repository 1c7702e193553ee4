#include "server/served.h"

#include <gtest/gtest.h>

namespace ferrum::test {
namespace {

server::ServerOptions at_any_port(server::ServerOptions options) {
  options.http.port = 0;
  return options;
}

}  // namespace

Served::Served(FakeEngine::Script script, server::ServerOptions options)
    : engine(std::make_shared<FakeEngine>(std::move(script))),
      server(at_any_port(std::move(options))),
      thread_([this] { server.run(); }) {
  server.models().add("fake", engine);
}

Served::~Served() {
  stop(std::chrono::seconds(0));
  if (thread_.joinable()) thread_.join();
}

void Served::stop(std::chrono::seconds patience) { server.stop(patience); }

int Served::port() const {
  const std::string url = server.url();
  return std::stoi(url.substr(url.rfind(':') + 1));
}

Reply answer_and_close(const Served& served, std::string_view bytes) {
  Client client = served.client();
  client.send(bytes);
  Reply reply = client.read();
  EXPECT_TRUE(client.is_closed());
  return reply;
}

}  // namespace ferrum::test
