#include "server/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cctype>
#include <cstring>
#include <utility>

namespace ferrum::test {
namespace {

constexpr int kPatience = 120'000;  // ms

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

template <class Address>
int connected(int family, const Address& address) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

}  // namespace

std::vector<std::string> Reply::events() const {
  std::vector<std::string> events;
  constexpr std::string_view kName = "event: ";  // some APIs name their events
  constexpr std::string_view kData = "data: ";
  for (size_t at = 0; at < body.size();) {
    const size_t end = body.find("\n\n", at);
    if (body[at] == ':' && end != std::string::npos) {  // a comment
      at = end + 2;
      continue;
    }
    if (body.compare(at, kName.size(), kName) == 0) at = std::min(body.find('\n', at), body.size() - 1) + 1;
    if (body.compare(at, kData.size(), kData) != 0 || end == std::string::npos) {
      events.push_back("broken: " + body.substr(at));
      break;
    }
    events.push_back(body.substr(at + kData.size(), end - at - kData.size()));
    at = end + 2;
  }
  return events;
}

Client::Client(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd_ = connected(AF_INET, address);
}

Client::Client(const std::string& unix_socket) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_socket.c_str(), sizeof address.sun_path - 1);
  fd_ = connected(AF_UNIX, address);
}

Client::~Client() { close(); }
Client::Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), read_(std::move(other.read_)) {}

void Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

bool Client::read_more() {
  pollfd event = {fd_, POLLIN, 0};
  if (fd_ < 0 || poll(&event, 1, kPatience) <= 0) return false;
  char buffer[65536];
  const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
  if (n <= 0) return false;
  read_.append(buffer, static_cast<size_t>(n));
  return true;
}

std::string Client::read_until(std::string_view text) {
  size_t at;
  size_t from = 0;
  while ((at = read_.find(text, from)) == std::string::npos) {
    from = read_.size() < text.size() ? 0 : read_.size() - text.size();
    if (!read_more()) return std::exchange(read_, {});
  }
  std::string result = read_.substr(0, at + text.size());
  read_.erase(0, result.size());
  return result;
}

Reply Client::read(Body body) {
  Reply reply;
  const std::string head = read_until("\r\n\r\n");
  if (!head.starts_with("HTTP/1.") || !head.ends_with("\r\n\r\n")) return reply;
  reply.status = std::stoi(head.substr(9, 3));
  for (size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
    const size_t end = head.find("\r\n", at);
    const std::string line = head.substr(at, end - at);
    const size_t colon = line.find(": ");
    reply.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
    at = end + 2;
  }
  if (reply.status < 200 || reply.status == 204 || body == Body::kNone) return reply;
  if (reply.headers.contains("transfer-encoding")) {
    while (true) {
      const std::string line = read_until("\r\n");
      const size_t size = line.empty() ? 0 : std::stoul(line, nullptr, 16);
      if (size == 0) {
        if (read_until("\r\n") != "\r\n" || line.empty()) reply.chunks = -1;  // cut off
        return reply;
      }
      while (read_.size() < size + 2)
        if (!read_more()) return reply;
      reply.body += read_.substr(0, size);
      read_.erase(0, size + 2);
      ++reply.chunks;
    }
  }
  const bool sized = reply.headers.contains("content-length");
  const size_t size = sized ? std::stoul(reply.headers["content-length"]) : SIZE_MAX;
  while (read_.size() < size && read_more()) {
  }
  reply.body = read_.substr(0, size);
  read_.erase(0, reply.body.size());
  return reply;
}

bool Client::is_closed() {
  while (read_more()) {
  }
  pollfd event = {fd_, POLLIN, 0};
  return poll(&event, 1, 0) == 1;
}

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Client::close_sending() { shutdown(fd_, SHUT_WR); }

void Client::shrink_receive_buffer() {
  const int size = 4096;
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

std::string http(std::string_view method, const std::string& path, std::string_view body,
                 std::string_view headers) {
  std::string text = std::string(method) + " " + path + " HTTP/1.1\r\nHost: localhost\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text.append(headers);
  if (!body.empty() && headers.find("Content-Type") == std::string_view::npos)
    text += "Content-Type: application/json\r\n";
  return text.append("\r\n").append(body);
}

Reply Client::ask(std::string_view method, const std::string& path, std::string_view body,
                  std::string_view headers) {
  send(http(method, path, body, headers));
  return read(method == "HEAD" ? Body::kNone : Body::kSent);
}

std::chrono::milliseconds milliseconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
}

}  // namespace ferrum::test
