#include "server/web/page.h"

#include <algorithm>
#include <boost/beast/zlib/inflate_stream.hpp>
#include <cstdlib>

#include "base/ascii.h"
#include "base/check.h"
#include "base/error.h"
#include "server/api/api_error.h"
#include "server/web/asset.h"

namespace ferrum::server::web {
namespace {

// The page runs its own scripts only, connects to this server only, and cannot be framed by another page.
// Text of a model becomes HTML through one sanitiser only. A frame inside the page, whatever navigates it,
// may show this server's documents only.
constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types dompurify";

// The preview shows code that a model wrote, inside a frame of the page. The code may run, but in an origin
// of its own, and it cannot fetch, connect, submit, open a window or leave the frame.
constexpr std::string_view kPreview = "/preview.html";
constexpr const char* kPreviewPolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; media-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-scripts";

// A document without contents, in a frame of the page. What the reader lets a model call goes through it to
// servers of tools, which are anywhere; the page itself keeps its policy.
constexpr std::string_view kTools = "/tools.html";
constexpr const char* kToolsPolicy =
    "default-src 'none'; connect-src http: https:; base-uri 'none'; form-action 'none'; frame-ancestors "
    "'self'";

const char* policy_of(std::string_view path) {
  if (path == kPreview) return kPreviewPolicy;
  return path == kTools ? kToolsPolicy : kPagePolicy;
}

const Asset* find(std::string_view path) {
  const auto all = assets();
  const auto found = std::ranges::find(all, path, &Asset::path);
  return found == all.end() ? nullptr : &*found;
}

const char* type_of(std::string_view path) {
  if (path.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  if (path.ends_with(".svg")) return "image/svg+xml";
  if (path.ends_with(".woff2")) return "font/woff2";
  if (path.ends_with(".txt")) return "text/plain; charset=utf-8";
  return "text/html; charset=utf-8";
}

// The elements of a comma-separated list.
std::vector<std::string_view> parts_of(std::string_view list) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    parts.push_back(trimmed(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

// RFC 9110, 12.5.3: an encoding with the weight 0 is not accepted.
bool takes_gzip(const HttpRequest& request) {
  for (const std::string_view part : parts_of(request.header("accept-encoding").value_or(""))) {
    const size_t semicolon = std::min(part.find(';'), part.size());
    if (trimmed(part.substr(0, semicolon)) != "gzip") continue;
    const size_t weight = part.find("q=", semicolon);
    return weight == std::string_view::npos || std::atof(std::string(part.substr(weight + 2)).c_str()) > 0;
  }
  return false;
}

bool is_cached(const HttpRequest& request, const std::string& etag) {
  for (std::string_view part : parts_of(request.header("if-none-match").value_or(""))) {
    if (part.starts_with("W/")) part.remove_prefix(2);  // a proxy changed the encoding
    if (part == etag || part == "*") return true;
  }
  return false;
}

// RFC 1952: a header of 10 bytes, deflated data, the checksum and the size (4 bytes each).
std::string inflated(std::string_view gzip) {
  constexpr size_t kHead = 10;
  constexpr size_t kTail = 8;
  check(gzip.size() > kHead + kTail, "a page's file without contents");
  size_t size = 0;
  for (size_t i = 0; i < 4; ++i)
    size |= size_t(static_cast<unsigned char>(gzip[gzip.size() - 4 + i])) << (8 * i);
  std::string text(size, '\0');
  boost::beast::zlib::inflate_stream stream;
  boost::beast::zlib::z_params z;
  z.next_in = gzip.data() + kHead;
  z.avail_in = gzip.size() - kHead - kTail;
  z.next_out = text.data();
  z.avail_out = text.size();
  boost::beast::error_code error;
  stream.write(z, boost::beast::zlib::Flush::finish, error);
  check(error == boost::beast::zlib::error::end_of_stream && z.avail_out == 0, "a page's file is broken");
  return text;
}

}  // namespace

bool is_page(std::string_view path) { return find(path) != nullptr; }

HttpResponse page(const HttpRequest& request) {
  const Asset* asset = find(request.path);
  if (!asset) throw ApiError(404, "not_found", "", "there is nothing at " + in_quotes(request.path));
  const bool gzip = takes_gzip(request);
  const bool hashed = asset->path.starts_with("/assets/");
  const bool is_framed = asset->path == kPreview || asset->path == kTools;
  const std::string etag = "\"" + std::string(asset->tag) + (gzip ? "-gzip\"" : "\"");
  HttpResponse response = {
      .content_type = type_of(asset->path),
      .headers = {{"ETag", etag},
                  {"Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache"},
                  {"Vary", "Accept-Encoding"},
                  {"Content-Security-Policy", policy_of(asset->path)},
                  {"Cross-Origin-Opener-Policy", "same-origin"},
                  {"Cross-Origin-Resource-Policy", "same-origin"},
                  {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
                  {"Referrer-Policy", "no-referrer"},
                  {"X-Content-Type-Options", "nosniff"},
                  {"X-DNS-Prefetch-Control", "off"},
                  {"X-Frame-Options", is_framed ? "SAMEORIGIN" : "DENY"}}};
  if (is_cached(request, etag)) {
    response.status = 304;
    return response;
  }
  if (gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = gzip ? std::string(asset->gzip) : inflated(asset->gzip);
  return response;
}

}  // namespace ferrum::server::web
