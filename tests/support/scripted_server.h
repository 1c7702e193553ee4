// A small HTTP server whose every answer a test writes byte by byte: what broken or slow servers do as well.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ferrum::test {

class ScriptedServer {
 public:
  struct Seen {
    std::string head;  // request line and headers
    std::string body;
    int connection = 0;  // its number
  };

  // One connection, on a thread of its own.
  class Client {
   public:
    explicit Client(int fd) : fd_(fd) {}
    void send(std::string_view bytes) const {
      while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return;  // who does not want to hear it
        bytes.remove_prefix(static_cast<size_t>(n));
      }
    }
    void send(const std::vector<std::string>& pieces) const {
      for (const std::string& piece : pieces) send(piece);
    }
    void hang_up() const { shutdown(fd_, SHUT_RDWR); }
    void wait_until_it_goes() const {
      char byte;
      while (recv(fd_, &byte, 1, 0) > 0) {
      }
    }

   private:
    int fd_;
  };

  // Answers one request; the connection stays open for the next unless the script hangs up.
  using Script = std::function<void(const Client& client, const Seen& request)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_at(AF_INET, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ScriptedServer(const std::string& socket_path, Script script) : script_(std::move(script)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    listen_at(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address);
    url_ = "unix:" + socket_path;
  }
  ~ScriptedServer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : connections_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    for (const int fd : connections_) close(fd);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  const std::string& url() const { return url_; }
  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void listen_at(int family, const sockaddr* address, socklen_t size) {
    listener_ = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener_, address, size) != 0 || listen(listener_, 1024) != 0)
      throw std::runtime_error("cannot listen");
    acceptor_ = std::thread([this] { accept_all(); });
  }

  void accept_all() {
    for (int number = 0;; ++number) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int one = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const std::lock_guard lock(mutex_);
      connections_.push_back(fd);
      threads_.emplace_back([this, fd, number] { serve(fd, number); });
    }
  }

  void serve(int fd, int number) {
    const Client client(fd);
    std::string bytes;
    char buffer[65536];
    while (true) {
      size_t head_end;
      size_t body_size = 0;
      while ((head_end = bytes.find("\r\n\r\n")) == std::string::npos ||
             bytes.size() < head_end + 4 + (body_size = content_length(bytes.substr(0, head_end)))) {
        const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) return;
        bytes.append(buffer, static_cast<size_t>(n));
      }
      const Seen request = {bytes.substr(0, head_end + 2), bytes.substr(head_end + 4, body_size), number};
      bytes.erase(0, head_end + 4 + body_size);
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(request);
      }
      script_(client, request);
    }
  }

  static size_t content_length(const std::string& head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const size_t at = head.find(kName);
    return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + kName.size(), nullptr, 10);
  }

  Script script_;
  std::string url_;
  int listener_ = -1;
  std::thread acceptor_;
  mutable std::mutex mutex_;  // guards the four below
  std::vector<Seen> seen_;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
};

inline std::string http_answer(int status, std::string_view type, std::string_view body) {
  return "HTTP/1.1 " + std::to_string(status) + " -\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
inline std::string http_error(int status, std::string_view message) {
  return http_answer(status, "application/json",
                     R"({"error":{"message":")" + std::string(message) + R"("}})");
}
inline const std::string kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
inline std::string http_chunk(std::string_view bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

inline std::string chat_event(std::string_view text) {
  return R"(data: {"choices":[{"index":0,"delta":{"content":")" + std::string(text) +
         "\"},\"finish_reason\":null}]}\n\n";
}
inline const std::string kFinishEvent =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
inline std::string usage_event(int prompt, int cached, int output) {
  return R"(data: {"choices":[],"usage":{"prompt_tokens":)" + std::to_string(prompt) +
         ",\"completion_tokens\":" + std::to_string(output) +
         ",\"prompt_tokens_details\":{\"cached_tokens\":" + std::to_string(cached) + "}}}\n\n";
}
inline const std::string kDoneEvent = "data: [DONE]\n\n";

// A complete streamed answer of this many words, with usage.
inline std::string chat_answer(int words) {
  std::string events;
  for (int i = 0; i < words; ++i) events += http_chunk(chat_event("word "));
  return kStreamHead + events + http_chunk(kFinishEvent + usage_event(10, 4, words) + kDoneEvent) +
         "0\r\n\r\n";
}
inline const std::string kModels =
    http_answer(200, "application/json", R"({"object":"list","data":[{"id":"tiny"},{"id":"other"}]})");
inline bool asks_for_models(const ScriptedServer::Seen& request) { return request.head.starts_with("GET"); }

}  // namespace ferrum::test
