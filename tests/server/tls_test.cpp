// The server behind TLS.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "base/error.h"
#include "server/served.h"
#include "support/errors.h"
#include "support/files.h"

namespace ferrum {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::http;
using test::Served;

const std::string kChat = "/v1/chat/completions";
constexpr std::string_view kAsk =
    R"({"model":"fake","stream":true,"messages":[{"role":"user","content":"hi"}]})";

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key new_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

template <class Write>
std::string pem_of(const Write& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  write(memory.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<size_t>(size)};
}

std::string pem_of_key(const Key& key) {
  return pem_of(
      [&](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

// Of "localhost", signed by itself, for an hour.
std::string pem_of_certificate(const Key& key) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509* const c = certificate.get();
  ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
  X509_gmtime_adj(X509_getm_notBefore(c), -60);
  X509_gmtime_adj(X509_getm_notAfter(c), 3600);
  X509_set_pubkey(c, key.get());
  X509_NAME* const name = X509_get_subject_name(c);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                             -1, -1, 0);
  X509_set_issuer_name(c, name);
  X509_sign(c, key.get(), EVP_sha256());
  return pem_of([&](BIO* out) { PEM_write_bio_X509(out, c); });
}

class Tls : public testing::Test {
 protected:
  server::ServerOptions options() const {
    server::ServerOptions options;
    options.http.tls_certificate = folder_.write("cert.pem", pem_of_certificate(key_));
    options.http.tls_key = folder_.write("key.pem", pem_of_key(key_));
    return options;
  }

  test::TemporaryFolder folder_;
  Key key_ = new_key();
};

// What a client of TLS says through a socket that is connected.
class TlsClient {
 public:
  explicit TlsClient(const Served& served, int newest_version = TLS1_3_VERSION)
      : client_(served.client()), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    SSL_CTX_set_security_level(context_.get(), 0);  // which knows older versions too
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), newest_version);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), client_.fd());
    is_connected_ = SSL_connect(ssl_.get()) == 1;
  }

  bool is_connected() const { return is_connected_; }
  void send(std::string_view text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }
  // Up to and including `end`; less if the connection ends first.
  std::string read_until(std::string_view end) {
    std::string text;
    char c;
    while (!text.ends_with(end) && SSL_read(ssl_.get(), &c, 1) == 1) text += c;
    return text;
  }
  // Whether the stream ended with close_notify, which an attacker cannot forge.
  bool ended_properly() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  void close() { client_.close(); }

 private:
  Client client_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  bool is_connected_ = false;
};

TEST_F(Tls, AnswersAndStreams) {
  Served served(test::hello, options());
  EXPECT_EQ(served.server.url().substr(0, 8), "https://");
  TlsClient client(served);
  ASSERT_TRUE(client.is_connected());
  for (int i = 0; i < 2; ++i) {
    client.send(http("POST", kChat, kAsk));
    const std::string answer = client.read_until("\r\n0\r\n\r\n");
    EXPECT_NE(answer.find("200 OK"), std::string::npos) << answer;
    EXPECT_NE(answer.find("data: [DONE]"), std::string::npos) << answer;
  }
  client.send(http("GET", "/health", {}, "Connection: close\r\n"));
  EXPECT_NE(client.read_until("never").find(R"({"status":"ok"})"), std::string::npos);
  EXPECT_TRUE(client.ended_properly());
}

TEST_F(Tls, LargeAnswersAndBodies) {
  const std::string much(3 << 20, 'x');
  Served served(
      [&](const Request&) {
        return std::vector<Event>{TextEvent{0, much}, test::finish()};
      },
      options());
  TlsClient client(served);
  const std::string body = R"({"model":"fake","prompt":")" + much + R"("})";
  client.send(http("POST", "/v1/completions", body, "Connection: close\r\n"));
  EXPECT_NE(client.read_until("never").find(much), std::string::npos);
  EXPECT_EQ(std::get<TextPrompt>(served.engine->answer()->request.prompt).text.size(), much.size());
}

TEST_F(Tls, B28_WhatIsNoTlsIsClosed) {
  Served served(test::hello, options());
  Client plain = served.client();
  plain.send(http("GET", "/health"));
  EXPECT_EQ(plain.read().status, 0);
  EXPECT_TRUE(plain.is_closed());
  EXPECT_TRUE(TlsClient(served).is_connected());  // others do not mind
}

TEST_F(Tls, OldVersionsAreRefused) {
  const Served served(test::hello, options());
  EXPECT_FALSE(TlsClient(served, TLS1_1_VERSION).is_connected());
  EXPECT_TRUE(TlsClient(served, TLS1_2_VERSION).is_connected());
}

TEST_F(Tls, B31_HandshakesThatDoNotGoOnAndSlowRequests) {
  server::ServerOptions o = options();
  o.http.read_timeout = 500ms;
  Served served(test::hello, o);
  Client silent = served.client();
  EXPECT_TRUE(silent.is_closed());
  TlsClient slow(served);
  slow.send("GET /health HT");
  EXPECT_NE(slow.read_until("never").find(" 408 "), std::string::npos);
}

TEST_F(Tls, B49_DisconnectsCancel) {
  Served served(test::nothing, options());
  TlsClient client(served);
  client.send(http("POST", kChat, kAsk));
  const auto answer = served.engine->answer();
  EXPECT_FALSE(answer->cancelled());
  client.close();
  EXPECT_TRUE(answer->is_cancelled_within(10s));
}

TEST_F(Tls, B67_CertificatesAndKeysThatDoNotFit) {
  const server::ServerOptions good = options();
  const auto expect = [](const server::ServerOptions& o, const std::string& words) {
    test::expect_error(ErrorCode::kBadFile, {words}, [&] { Served(test::hello, o); });
  };
  server::ServerOptions o = good;
  o.http.tls_key = folder_.write("other.pem", pem_of_key(new_key()));
  expect(o, "other.pem");
  o.http.tls_key = folder_.path() / "none.pem";
  test::expect_error(ErrorCode::kNotFound, {"none.pem"}, [&] { Served(test::hello, o); });
  o = good;
  o.http.tls_certificate = o.http.tls_key;
  expect(o, "key.pem: no certificate");
  o.http.tls_certificate = folder_.write("empty.pem", "");
  expect(o, "empty.pem: no certificate");
}

TEST_F(Tls, APipeInTheirPlaceIsNotWaitedFor) {
  const std::string pipe = folder_.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const auto member : {&server::HttpOptions::tls_certificate, &server::HttpOptions::tls_key}) {
    server::ServerOptions o = options();
    o.http.*member = pipe;
    test::expect_error(ErrorCode::kIo, {pipe}, [&] { Served(test::hello, o); });
  }
}

}  // namespace
}  // namespace ferrum
