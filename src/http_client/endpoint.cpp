#include "http_client/endpoint.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "base/error.h"
#include "base/numbers.h"

namespace ferrum::http_client {
namespace {

constexpr int kMaxPort = 65535;

[[noreturn]] void refuse(std::string_view url, const char* why) {
  fail(ErrorCode::kBadArgument, "{} is not a server address: {}", in_quotes(url), why);
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_port(std::string_view text) {
  const std::optional<int> port = whole_number<int>(text);
  return port && *port > 0 && *port <= kMaxPort;
}

// Excludes characters that would end a header's line or a request line.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != 0x7f; });
}

}  // namespace

std::string Endpoint::target(std::string_view path) const { return base + std::string(path); }

std::string Endpoint::url(std::string_view path) const {
  if (transport == Transport::kUnix) return "unix:" + host + ":" + target(path);
  return (transport == Transport::kTls ? "https://" : "http://") + authority + target(path);
}

Endpoint parse_endpoint(std::string_view url, std::string_view default_base) {
  Endpoint e;
  std::string_view rest = url;
  if (take_prefix(rest, "unix:") || take_prefix(rest, "http+unix:")) {
    if (rest.empty()) refuse(url, "the path of a Unix socket is missing");
    e.transport = Endpoint::Transport::kUnix;
    e.host = std::string(rest);
    e.base = std::string(default_base);
    e.authority = "localhost";
    return e;
  }
  if (take_prefix(rest, "https://"))
    e.transport = Endpoint::Transport::kTls;
  else if (!take_prefix(rest, "http://") && rest.find("://") != std::string_view::npos)
    refuse(url, "it begins with neither http:// nor https:// nor unix:");
  if (!is_plain(rest)) refuse(url, "it has a space or a control character");
  if (rest.find_first_of("?#") != std::string_view::npos) refuse(url, "it has a query or a fragment");

  const size_t slash = rest.find('/');
  const std::string_view authority = rest.substr(0, slash);
  std::string_view base = slash == std::string_view::npos ? "" : rest.substr(slash);
  while (base.ends_with('/')) base.remove_suffix(1);
  e.base = std::string(base.empty() ? default_base : base);

  if (authority.find('@') != std::string_view::npos)
    refuse(url, "it has a user name, which is not supported");
  std::string_view host = authority;
  std::string_view port = e.transport == Endpoint::Transport::kTls ? "443" : "80";
  const bool v6 = host.starts_with('[');
  const size_t bracket = host.find(']');
  if (v6 && bracket == std::string_view::npos) refuse(url, "a bracket is missing");
  if (const size_t colon = host.find(':', v6 ? bracket : 0); colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  if (v6) {
    if (bracket + 1 != host.size()) refuse(url, "there is text after the bracket");
    host = host.substr(1, host.size() - 2);
  }
  if (!v6 && port.find(':') != std::string_view::npos) refuse(url, "an IPv6 address needs brackets");
  if (host.empty()) refuse(url, "the host is missing");
  if (!is_port(port)) refuse(url, "the port is not a number from 1 to 65535");
  e.host = std::string(host);
  e.port = std::string(port);
  e.authority = std::string(authority);
  return e;
}

Url parse_url(std::string_view url) {
  const size_t scheme = url.find("://");
  if (const std::string_view name = url.substr(0, std::min(scheme, url.size()));
      scheme == std::string_view::npos || !(is_same_word(name, "http") || is_same_word(name, "https")))
    refuse(url, "it begins with neither http:// nor https://");
  const size_t host = scheme + 3;
  const size_t target = std::min(url.find_first_of("/?#", host), url.size());
  std::string_view rest = url.substr(target);
  rest = rest.substr(0, rest.find('#'));
  if (!is_plain(rest)) refuse(url, "it has a space or a control character");
  return {parse_endpoint(url.substr(0, target)), (rest.starts_with('/') ? "" : "/") + std::string(rest)};
}

}  // namespace ferrum::http_client
