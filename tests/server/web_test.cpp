// The page's files as browsers receive them.
#include <gtest/gtest.h>

#include <boost/crc.hpp>
#include <regex>

#include "server/served.h"
#include "server/web/asset.h"

namespace ferrum {
namespace {

using test::Client;
using test::Reply;
using test::Served;

constexpr std::string_view kTakesGzip = "Accept-Encoding: br;q=1.0, gzip;q=0.8, *;q=0.1\r\n";

std::string only_asset(std::string_view ending) {
  for (const server::web::Asset& asset : server::web::assets())
    if (asset.path.starts_with("/assets/") && asset.path.ends_with(ending)) return std::string(asset.path);
  return {};
}

uint32_t number_at(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number |= uint32_t(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return number;
}

// As gzip's tail has it.
uint32_t crc32(std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  return crc.checksum();
}

TEST(WebPage, EveryFileComesCompressedAndPlain) {
  Served served;
  Client client = served.client();
  for (const server::web::Asset& asset : server::web::assets()) {
    const std::string path(asset.path);
    const Reply packed = client.ask("GET", path, {}, kTakesGzip);
    EXPECT_EQ(packed.status, 200) << path;
    EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
    EXPECT_EQ(packed.headers.at("vary"), "Accept-Encoding");
    ASSERT_EQ(packed.body, asset.gzip);
    const Reply plain = client.ask("GET", path);
    EXPECT_EQ(plain.status, 200) << path;
    EXPECT_FALSE(plain.headers.contains("content-encoding"));
    EXPECT_EQ(plain.headers.at("content-type"), packed.headers.at("content-type"));
    EXPECT_EQ(plain.body.size(), number_at(packed.body, packed.body.size() - 4)) << path;
    EXPECT_EQ(crc32(plain.body), number_at(packed.body, packed.body.size() - 8)) << path;
    EXPECT_NE(plain.headers.at("etag"), packed.headers.at("etag"));
  }
}

TEST(WebPage, IsNotCompressedForClientsThatDoNotAcceptIt) {
  Served served;
  Client client = served.client();
  for (const char* header : {"Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: br, deflate\r\n",
                             "Accept-Encoding: \r\n", "Accept-Encoding: gzip; q=0.000\r\n"})
    EXPECT_TRUE(client.ask("GET", "/", {}, header).body.starts_with("<!doctype html>")) << header;
}

TEST(WebPage, NamesOnlyFilesThatAreThere) {
  Served served;
  Client client = served.client();
  const std::string page = client.ask("GET", "/").body;
  const std::regex named(R"re((?:src|href)="([^"]+)")re");
  int count = 0;
  for (std::sregex_iterator i(page.begin(), page.end(), named), end; i != end; ++i, ++count) {
    const std::string address = (*i)[1].str();
    ASSERT_TRUE(address.starts_with("./")) << address << " would miss a path prefix of a proxy";
    EXPECT_EQ(client.ask("GET", address.substr(1)).status, 200) << address;
  }
  EXPECT_GE(count, 3);  // script, style, icon
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_EQ(page.find("<style"), std::string::npos);
  EXPECT_EQ(page.find("://"), std::string::npos) << "another host";
}

TEST(WebPage, IsRevalidatedButItsHashedFilesAreNot) {
  Served served;
  Client client = served.client();
  EXPECT_EQ(client.ask("GET", "/").headers.at("cache-control"), "no-cache");
  EXPECT_NE(client.ask("GET", only_asset(".js")).headers.at("cache-control").find("immutable"),
            std::string::npos);
}

TEST(WebPage, ACachedCopyIsNotSentAgain) {
  Served served;
  Client client = served.client();
  const std::string etag = client.ask("GET", "/", {}, kTakesGzip).headers.at("etag");
  for (const std::string& known : {etag, "\"other\", " + etag, "W/" + etag, std::string("*")}) {
    client.send(test::http("GET", "/", {}, std::string(kTakesGzip) + "If-None-Match: " + known + "\r\n"));
    const Reply reply = client.read(Client::Body::kNone);
    EXPECT_EQ(reply.status, 304) << known;
    EXPECT_EQ(reply.headers.at("etag"), etag);
    EXPECT_FALSE(reply.headers.contains("content-length"));
  }
  for (const char* other : {"\"other\"", ""})
    EXPECT_EQ(client.ask("GET", "/", {}, "If-None-Match: " + std::string(other) + "\r\n").status, 200);
}

TEST(WebPage, HeadHasTheHeadersAlone) {
  Served served;
  Client client = served.client();
  const Reply whole = client.ask("GET", "/", {}, kTakesGzip);
  client.send(test::http("HEAD", "/", {}, kTakesGzip));
  const Reply head = client.read(Client::Body::kNone);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(whole.body.size()));
  EXPECT_EQ(head.headers.at("etag"), whole.headers.at("etag"));
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
}

TEST(WebPage, MayDoLittle) {
  Served served;
  const Reply page = served.client().ask("GET", "/");
  const std::string& policy = page.headers.at("content-security-policy");
  for (const char* part :
       {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
        "frame-ancestors 'none'", "frame-src 'self'", "base-uri 'none'", "form-action 'none'"})
    EXPECT_NE(policy.find(part), std::string::npos) << part;
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(policy.find("http"), std::string::npos);
  EXPECT_EQ(page.headers.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(page.headers.at("referrer-policy"), "no-referrer");
}

// Its scripts may run, so it must not share the page's origin, and nothing it may load is on a network.
TEST(WebPage, ThePreviewIsAlone) {
  Served served;
  const Reply preview = served.client().ask("GET", "/preview.html");
  const std::string& policy = preview.headers.at("content-security-policy");
  for (const char* part : {"default-src 'none'", "sandbox allow-scripts", "frame-ancestors 'self'",
                           "base-uri 'none'", "form-action 'none'"})
    EXPECT_NE(policy.find(part), std::string::npos) << part;
  for (const char* part : {"allow-same-origin", "allow-top", "allow-popups", "http", "*", "connect-src",
                           "frame-src", "script-src 'self'"})
    EXPECT_EQ(policy.find(part), std::string::npos) << part;
  EXPECT_EQ(preview.headers.at("x-frame-options"), "SAMEORIGIN");
  EXPECT_EQ(preview.headers.at("x-dns-prefetch-control"), "off");
}

// It may connect to servers of tools, and has nothing that could.
TEST(WebPage, TheFrameForToolsIsEmpty) {
  Served served;
  const Reply tools = served.client().ask("GET", "/tools.html");
  EXPECT_EQ(tools.headers.at("content-security-policy"),
            "default-src 'none'; connect-src http: https:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'self'");
  EXPECT_EQ(tools.headers.at("x-frame-options"), "SAMEORIGIN");
  EXPECT_EQ(tools.body.find("script"), std::string::npos);
}

TEST(WebPage, NeedsNoKeyButItsCallsDo) {
  server::ServerOptions options;
  options.api_keys = {"key"};
  Served served(test::hello, options);
  Client client = served.client();
  for (const std::string& path :
       {std::string("/"), std::string("/licences.txt"), std::string("/preview.html"),
        std::string("/tools.html"), only_asset(".js"), only_asset(".css"), only_asset(".woff2")})
    EXPECT_EQ(client.ask("GET", path).status, 200) << path;
  for (const char* path : {"/v1/models", "/metrics", "/assets/none.js", "/index.html"})
    EXPECT_EQ(client.ask("GET", path).status, 401) << path;
}

TEST(WebPage, OnLoopbackHasThisMachinesNamesOnly) {
  Served served;
  Client client = served.client();
  client.send("GET / HTTP/1.1\r\nHost: page.example\r\n\r\n");
  EXPECT_EQ(client.read().status, 403);
}

TEST(WebPage, TakesNothingElse) {
  Served served;
  Client client = served.client();
  EXPECT_EQ(client.ask("GET", "/assets/none.js").status, 404);
  EXPECT_EQ(client.ask("GET", "/assets/..%2flicences.txt").status, 404);
  const Reply reply = client.post("/", "{}");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.headers.at("allow"), "GET, HEAD, OPTIONS");
}

// The font of formulas and Mermaid are loaded by few readers, and only when they are needed.
TEST(WebPage, IsSmall) {
  size_t usual = 0;
  size_t rare = 0;
  for (const server::web::Asset& asset : server::web::assets()) {
    const bool is_rare = asset.path.ends_with(".woff2") || asset.path.starts_with("/assets/mermaid");
    (is_rare ? rare : usual) += asset.gzip.size();
  }
  EXPECT_LT(usual, 300'000u);
  EXPECT_LT(rare, 1'000'000u);
}

TEST(WebPage, FontsHaveTheirType) {
  Served served;
  EXPECT_EQ(served.client().ask("GET", only_asset(".woff2")).headers.at("content-type"), "font/woff2");
}

TEST(WebPage, SaysWhoseWorkIsInIt) {
  Served served;
  const std::string text = served.client().ask("GET", "/licences.txt").body;
  for (const char* library : {"preact", "marked", "dompurify", "highlight.js", "temml", "idb",
                              "@fontsource/noto-sans-math", "@mermaid-js/tiny", "d3-sankey"})
    EXPECT_NE(text.find(library), std::string::npos) << library;
}

}  // namespace
}  // namespace ferrum
