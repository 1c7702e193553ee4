#include "server/http/request_target.h"

#include <algorithm>
#include <vector>

#include "base/ascii.h"

namespace ferrum::server {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Splits segments before decoding them (RFC 3986, section 2.4). Dots may be encoded (section 6.2.2.2).
std::string canonical_path(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    std::string segment = percent_decoded(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(std::move(segment));
    }
  }
  std::string joined;
  for (const std::string& segment : segments) joined += "/" + segment;
  return joined.empty() ? "/" : joined;
}

}  // namespace

std::optional<RequestTarget> parse_target(std::string_view method, std::string_view target) {
  RequestTarget parsed;
  if (method == "OPTIONS" && target == "*") {
    parsed.path = "*";
    return parsed;
  }
  if (!target.starts_with('/')) {
    const size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return std::nullopt;
    if (!is_same_word(target.substr(0, scheme), "http") && !is_same_word(target.substr(0, scheme), "https"))
      return std::nullopt;
    target.remove_prefix(scheme + 3);
    const size_t end = std::min(target.find_first_of("/?"), target.size());
    parsed.authority = std::string(target.substr(0, end));
    // URLs with a user name are refused (RFC 9110, section 4.2.4).
    if (parsed.authority.empty() || parsed.authority.find('@') != std::string::npos) return std::nullopt;
    target.remove_prefix(end);
  }
  const size_t question = target.find('?');
  parsed.path = canonical_path(target.substr(0, question));
  if (question != std::string_view::npos) parsed.query = std::string(target.substr(question + 1));
  return parsed;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (percent_decoded(pair.substr(0, equals)) != name) continue;
    return percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

}  // namespace ferrum::server
