// A client of raw sockets, which can do what no well-behaved one would.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::test {

struct Reply {
  int status = 0;                              // 0: the connection ended before there was one
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // of chunks put together
  int chunks = 0;

  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  std::string error() const { return json().at("error").at("message"); }
  // The data of server-sent events.
  std::vector<std::string> events() const;
};

class Client {
 public:
  explicit Client(int port);
  explicit Client(const std::string& unix_socket);
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;

  // Sends all of it; what cannot be sent is dropped: the server may have refused already.
  void send(std::string_view bytes);
  enum class Body { kSent, kNone };  // of an answer: none to HEAD
  Reply read(Body body = Body::kSent);
  // Up to and including `text`; less if the connection ends first.
  std::string read_until(std::string_view text);
  bool is_closed();  // the server's side; waits for it
  void close();      // abruptly where something was not read
  void close_sending();
  void shrink_receive_buffer();
  int fd() const { return fd_; }

  Reply ask(std::string_view method, const std::string& path, std::string_view body = {},
            std::string_view headers = {});
  Reply post(const std::string& path, std::string_view body) { return ask("POST", path, body); }

 private:
  bool read_more();

  int fd_ = -1;
  std::string read_;
};

std::string http(std::string_view method, const std::string& path, std::string_view body = {},
                 std::string_view headers = {});

std::chrono::milliseconds milliseconds_of(const std::function<void()>& work);

}  // namespace ferrum::test
