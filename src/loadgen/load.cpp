#include "loadgen/load.h"

#include <fmt/core.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>

#include "base/check.h"
#include "base/error.h"
#include "http_client/http_connection.h"
#include "http_client/http_server_address.h"
#include "http_client/http_session.h"
#include "loadgen/answer_reader.h"
#include "loadgen/openai.h"

namespace ferrum::loadgen {
namespace {

namespace asio = boost::asio;
using http_client::HttpCall;
using http_client::HttpConnection;
using http_client::HttpFault;
using http_client::HttpHead;
using http_client::HttpSession;
using Clock = std::chrono::steady_clock;

constexpr size_t kMaxErrorBytes = 64 << 10;
constexpr size_t kMaxReplyBytes = 1 << 20;
constexpr std::string_view kEventStream = "text/event-stream";
// A client waits after a failed connection: otherwise a server that is down would get millions of requests.
constexpr std::chrono::milliseconds kPause{100};

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

const char* name_of(HttpFault::Kind kind) {
  switch (kind) {
    case HttpFault::Kind::kCertificate:
    case HttpFault::Kind::kConnection:
      return "connection";
    case HttpFault::Kind::kTimeout:
      return "timeout";
    case HttpFault::Kind::kMalformed:
      return "malformed";
    case HttpFault::Kind::kDisconnect:
      break;
  }
  return "disconnect";
}

// The failure for a response that is not a stream of events.
Failure refusal(const HttpHead& head, std::string_view body) {
  if (head.status != 200) return {fmt::format("HTTP {}", head.status), error_message(body)};
  return {"malformed",
          fmt::format("a response of type {}, not {}", in_quotes(head.content_type), kEventStream)};
}

void append_up_to(std::string& text, std::string_view part, size_t most) {
  text.append(part.substr(0, most - std::min(most, text.size())));
}

// Exceptions of a coroutine propagate to the caller through io_context::run().
void rethrow(const std::exception_ptr& e) {
  if (e) std::rethrow_exception(e);
}

}  // namespace

class LoadGenerator::Impl {
 public:
  Impl(const HttpServerAddress& server, std::string path, Body body, uint64_t first_number)
      : server_(server), path_(std::move(path)), body_(std::move(body)), number_(first_number) {}

  std::vector<Sample> run(const Load& load, const std::function<void(int64_t)>& on_answer) {
    check(load.requests > 0 || load.seconds > 0, "a load has a limit");
    load_ = load;
    on_answer_ = on_answer;
    samples_.clear();
    sent_ = 0;
    context_.restart();
    begin_ = Clock::now();
    if (load.rate > 0) {
      asio::co_spawn(context_, send_on_time(), rethrow);
    } else {
      for (int i = 0; i < load.clients; ++i) asio::co_spawn(context_, be_a_client(), rethrow);
    }
    context_.run();
    return std::move(samples_);
  }

  uint64_t next_number() const { return number_; }

 private:
  using Connection = std::unique_ptr<HttpConnection>;

  bool may_send(double time) const {
    return (load_.requests == 0 || sent_ < load_.requests) && (load_.seconds == 0 || time < load_.seconds);
  }

  asio::awaitable<void> be_a_client() {
    asio::steady_timer timer(context_);
    for (Clock::time_point now = Clock::now(); may_send(seconds_between(begin_, now)); now = Clock::now()) {
      ++sent_;
      if (co_await ask(now)) continue;
      timer.expires_after(kPause);
      co_await timer.async_wait(asio::use_awaitable);
    }
  }

  asio::awaitable<void> send_on_time() {
    Arrivals arrivals(load_.rate, load_.spacing, load_.seed);
    asio::steady_timer timer(context_);
    for (double time = arrivals.next(); may_send(time); time = arrivals.next()) {
      ++sent_;
      const Clock::time_point due = begin_ + duration_of(time);
      timer.expires_at(due);
      co_await timer.async_wait(asio::use_awaitable);
      asio::co_spawn(
          context_, [this, due]() -> asio::awaitable<void> { co_await ask(due); }, rethrow);
    }
  }

  // Returns whether there was a response.
  asio::awaitable<bool> ask(Clock::time_point due) {
    Connection connection = take_connection();
    const HttpCall call = {.method = "POST", .path = path_, .body = body_(number_++)};
    const auto age = [due] { return seconds_between(due, Clock::now()); };
    AnswerReader reader;
    std::string refused;
    HttpHead head;
    try {
      head = co_await connection->exchange(call, [&](const HttpHead& h, std::string_view part) {
        if (h.status == 200 && h.content_type.starts_with(kEventStream))
          reader.take(part, age());
        else
          append_up_to(refused, part, kMaxErrorBytes);
      });
      if (head.status != 200 || !head.content_type.starts_with(kEventStream))
        reader.fail(refusal(head, refused), age());
      idle_.push_back(std::move(connection));
    } catch (const HttpFault& fault) {
      reader.fail({name_of(fault.kind()), fault.what()}, age());
    }
    Sample& sample = samples_.emplace_back(reader.finish(age()));
    sample.start = seconds_between(begin_, due);
    const bool succeeded = !sample.failure;
    if (on_answer_) on_answer_(static_cast<int64_t>(samples_.size()));
    co_return succeeded;
  }

  Connection take_connection() {
    if (idle_.empty()) return server_.connection(context_.get_executor());
    Connection connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  const HttpServerAddress& server_;
  std::string path_;
  Body body_;
  uint64_t number_;
  asio::io_context context_{1};  // single-threaded
  std::vector<Connection> idle_;

  // Members of the current run:
  Load load_;
  std::function<void(int64_t)> on_answer_;
  std::vector<Sample> samples_;
  int64_t sent_ = 0;
  Clock::time_point begin_;
};

LoadGenerator::LoadGenerator(const HttpServerAddress& server, std::string path, Body body,
                             uint64_t first_number)
    : impl_(std::make_unique<Impl>(server, std::move(path), std::move(body), first_number)) {}
LoadGenerator::~LoadGenerator() = default;

std::vector<Sample> LoadGenerator::run(const Load& load, const std::function<void(int64_t)>& on_answer) {
  return impl_->run(load, on_answer);
}
uint64_t LoadGenerator::next_number() const { return impl_->next_number(); }

HttpReply fetch(const HttpServerAddress& server, const std::string& path, const std::string& body) {
  HttpSession session(server);
  HttpReply reply;
  const HttpCall call = {.method = body.empty() ? "GET" : "POST", .path = path, .body = body};
  try {
    reply.status =
        session
            .exchange(call, [&](const HttpHead&,
                                std::string_view part) { append_up_to(reply.body, part, kMaxReplyBytes); })
            .status;
  } catch (const HttpFault& fault) {
    fail(ErrorCode::kIo, "{}: {}", server.options().endpoint.url(path), fault.what());
  }
  return reply;
}

}  // namespace ferrum::loadgen
