#include "server/http/http_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "server/http/connection.h"

namespace ferrum::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr std::string_view kUnix = "unix:";
constexpr std::chrono::milliseconds kLastWords{1000};

asio::ssl::context tls_context(const HttpOptions& o) {
  asio::ssl::context context(asio::ssl::context::tls_server);
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                      asio::ssl::context::no_tlsv1_1);
  const auto certificate = MappedFile::open(o.tls_certificate);
  const auto key = MappedFile::open(o.tls_key);
  boost::system::error_code error;
  context.use_certificate_chain(asio::buffer(certificate->text()), error);
  if (error) fail(ErrorCode::kBadFile, "{}: no certificate in PEM: {}", o.tls_certificate, error.message());
  context.use_private_key(asio::buffer(key->text()), asio::ssl::context::pem, error);
  if (error)
    fail(ErrorCode::kBadFile, "{}: no private key of that certificate in PEM: {}", o.tls_key,
         error.message());
  return context;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const HttpOptions& options, Handler handler, OnFault on_fault)
      : options_(options),
        service_{options_, std::move(handler), std::move(on_fault), {}, {}, {}, {}},
        io_(options.threads),
        control_(asio::make_strand(io_)) {
    if (options.tls_certificate.empty() != options.tls_key.empty())
      fail(ErrorCode::kBadArgument, "TLS needs both a certificate and a key");
    if (options.host.empty()) fail(ErrorCode::kBadArgument, "the host to listen at is empty");
    if (!options.tls_certificate.empty()) tls_.emplace(tls_context(options));
    options.host.starts_with(kUnix) ? listen_locally(options.host.substr(kUnix.size())) : listen_on_tcp();
  }

  ~Impl() {
    if (!socket_file_.empty()) unlink(socket_file_.c_str());
  }

  int port() const { return port_; }
  bool is_loopback() const { return is_loopback_; }
  int connections() const { return service_.connections; }

  void run() {
    if (tcp_) asio::co_spawn(control_, accept_tcp(), asio::detached);
    if (local_) asio::co_spawn(control_, accept_locally(), asio::detached);
    std::vector<std::jthread> others;
    try {
      for (int i = 1; i < options_.threads; ++i) others.emplace_back([this] { io_.run(); });
    } catch (const std::system_error& e) {
      log::warn("only {} of {} threads for connections could be created: {}", others.size() + 1,
                options_.threads, e.what());
    }
    io_.run();
  }

  void stop(std::chrono::seconds patience) {
    service_.draining = true;
    asio::post(control_, [this, patience] {
      if (tcp_) tcp_->close();
      if (local_) local_->close();
      asio::co_spawn(control_, drain(patience), asio::detached);
    });
  }

 private:
  void listen_on_tcp() {
    const auto refuse = [&](const boost::system::error_code& error) {
      if (error)
        fail(ErrorCode::kIo, "cannot listen at {}:{}: {}", options_.host, options_.port, error.message());
    };
    boost::system::error_code error;
    tcp::resolver resolver(io_);
    const auto found =
        resolver.resolve(options_.host, std::to_string(options_.port), tcp::resolver::passive, error);
    refuse(error);
    const tcp::endpoint endpoint = *found.begin();
    tcp_.emplace(io_);
    tcp_->open(endpoint.protocol(), error);
    refuse(error);
    tcp_->set_option(asio::socket_base::reuse_address(true), error);
    tcp_->bind(endpoint, error);
    refuse(error);
    tcp_->listen(asio::socket_base::max_listen_connections, error);
    refuse(error);
    port_ = tcp_->local_endpoint().port();
    is_loopback_ = endpoint.address().is_loopback();
  }

  void listen_locally(const std::string& path) {
    constexpr size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;
    if (path.empty()) fail(ErrorCode::kBadArgument, "the host unix: has no path");
    if (path.size() > kMaxPath)
      fail(ErrorCode::kBadArgument,
           "cannot listen at {}: it has {} bytes, and the path of a Unix socket {} at most", path,
           path.size(), kMaxPath);
    remove_stale_socket(path);
    boost::system::error_code error;
    local_.emplace(io_);
    local_->open(Local(), error);
    if (!error) local_->bind(Local::endpoint(path), error);
    if (!error) local_->listen(asio::socket_base::max_listen_connections, error);
    if (error) fail(ErrorCode::kIo, "cannot listen at {}: {}", path, error.message());
    socket_file_ = path;
  }

  // Removes the socket file of a server that has ended. A socket that accepts connections is in use, and
  // other files are not ours: binding then fails.
  void remove_stale_socket(const std::string& path) {
    struct stat status = {};
    if (stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
    const FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const Local::endpoint endpoint(path);
    if (connect(probe.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 &&
        errno == ECONNREFUSED)
      unlink(path.c_str());
  }

  asio::awaitable<void> accept_tcp() {
    while (!service_.draining) {
      boost::system::error_code error;
      tcp::socket socket = co_await tcp_->async_accept(asio::make_strand(io_),
                                                       asio::redirect_error(asio::use_awaitable, error));
      if (service_.draining) break;
      if (error) {
        co_await pause_after(error);
        continue;
      }
      socket.set_option(tcp::no_delay(true), error);
      const auto executor = socket.get_executor();
      auto stream = tls_ ? tls_stream(std::move(socket), *tls_) : byte_stream(std::move(socket));
      asio::co_spawn(executor, serve(std::move(stream), service_), asio::detached);
      co_await wait_for_room();
    }
  }

  asio::awaitable<void> accept_locally() {
    while (!service_.draining) {
      boost::system::error_code error;
      Local::socket socket = co_await local_->async_accept(asio::make_strand(io_),
                                                           asio::redirect_error(asio::use_awaitable, error));
      if (service_.draining) break;
      if (error) {
        co_await pause_after(error);
        continue;
      }
      const auto executor = socket.get_executor();
      asio::co_spawn(executor, serve(byte_stream(std::move(socket)), service_), asio::detached);
      co_await wait_for_room();
    }
  }

  // Usually there are no file descriptors left until a connection is closed.
  asio::awaitable<void> pause_after(const boost::system::error_code& error) {
    log::warn("cannot accept a connection: {}", error.message());
    co_await wait(std::chrono::milliseconds(100));
  }

  asio::awaitable<void> wait_for_room() {
    while (service_.connections >= options_.max_connections && !service_.draining)
      co_await wait(std::chrono::milliseconds(10));
  }

  asio::awaitable<void> wait(std::chrono::milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
  }

  // Handlers get a moment to end their responses once time_is_up is set.
  asio::awaitable<void> drain(std::chrono::seconds patience) {
    co_await wait_for_answers(patience);
    service_.time_is_up = true;
    co_await wait_for_answers(kLastWords);
    io_.stop();
  }

  asio::awaitable<void> wait_for_answers(std::chrono::milliseconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (service_.answering > 0 && std::chrono::steady_clock::now() < end)
      co_await wait(std::chrono::milliseconds(10));
  }

  HttpOptions options_;
  Service service_;
  asio::io_context io_;
  asio::strand<asio::io_context::executor_type> control_;  // for accepting and stopping
  std::optional<asio::ssl::context> tls_;
  std::optional<tcp::acceptor> tcp_;
  std::optional<Local::acceptor> local_;
  std::string socket_file_;
  int port_ = 0;
  bool is_loopback_ = false;
};

HttpServer::HttpServer(const HttpOptions& options, Handler handler, OnFault on_fault)
    : impl_(std::make_unique<Impl>(options, std::move(handler), std::move(on_fault))) {}
HttpServer::~HttpServer() = default;
int HttpServer::port() const { return impl_->port(); }
bool HttpServer::is_loopback() const { return impl_->is_loopback(); }
int HttpServer::connections() const { return impl_->connections(); }
void HttpServer::run() { impl_->run(); }
void HttpServer::stop(std::chrono::seconds patience) { impl_->stop(patience); }

}  // namespace ferrum::server
