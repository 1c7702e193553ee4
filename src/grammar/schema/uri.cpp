#include "grammar/schema/uri.h"

#include <vector>

namespace ferrum::grammar {
namespace {

struct Parts {
  std::string_view scheme, authority, path, query;  // with their punctuation, but for the path
};

Parts parts_of(std::string_view uri) {
  Parts out;
  const size_t colon = uri.find(':');
  if (colon != std::string_view::npos && colon > 0 && uri.find_first_of("/?") > colon) {
    out.scheme = uri.substr(0, colon + 1);
    uri.remove_prefix(colon + 1);
  }
  if (uri.starts_with("//")) {
    const size_t end = std::min(uri.find_first_of("/?", 2), uri.size());
    out.authority = uri.substr(0, end);
    uri.remove_prefix(end);
  }
  const size_t query = std::min(uri.find('?'), uri.size());
  out.path = uri.substr(0, query);
  out.query = uri.substr(query);
  return out;
}

std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  const bool is_rooted = path.starts_with('/');
  bool ends_open = false;
  for (size_t at = is_rooted ? 1 : 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    ends_open = segment == "." || segment == "..";
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != ".") {
      kept.push_back(segment);
    }
    at = end + 1;
  }
  std::string out = is_rooted ? "/" : "";
  for (size_t i = 0; i < kept.size(); ++i) out += (i > 0 ? "/" : "") + std::string(kept[i]);
  if (ends_open && !kept.empty()) out += '/';
  return out;
}

}  // namespace

SplitUri resolve_uri(std::string_view base, std::string_view reference) {
  const size_t hash = std::min(reference.find('#'), reference.size());
  const std::string fragment(reference.substr(std::min(hash + 1, reference.size())));
  reference = reference.substr(0, hash);
  if (reference.empty()) return {std::string(base), fragment};
  const Parts to = parts_of(reference), from = parts_of(base);
  std::string out;
  if (!to.scheme.empty()) {
    out = std::string(to.scheme) + std::string(to.authority) +
          (to.path.starts_with('/') ? without_dots(to.path) : std::string(to.path)) + std::string(to.query);
  } else if (!to.authority.empty()) {
    out =
        std::string(from.scheme) + std::string(to.authority) + without_dots(to.path) + std::string(to.query);
  } else {
    out = std::string(from.scheme) + std::string(from.authority);
    if (to.path.empty()) {
      out += std::string(from.path) + std::string(to.query);
    } else if (to.path.starts_with('/')) {
      out += without_dots(to.path) + std::string(to.query);
    } else {
      const size_t slash = from.path.rfind('/');
      std::string merged = slash == std::string_view::npos ? (from.authority.empty() ? "" : "/")
                                                           : std::string(from.path.substr(0, slash + 1));
      out += without_dots(merged + std::string(to.path)) + std::string(to.query);
    }
  }
  return {out, fragment};
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace ferrum::grammar
