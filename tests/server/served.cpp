#include "server/served.h"

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

}  // namespace ferrum::test
