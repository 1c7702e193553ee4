#include "server/api/answering.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace ferrum::server {
namespace {

namespace asio = boost::asio;

using Clock = std::chrono::steady_clock;

// The interval of checking the connection while nothing is written to it.
constexpr std::chrono::milliseconds kLook{50};
constexpr std::chrono::seconds kPingInterval{10};
constexpr std::string_view kPing =
    ": ping\n\n";  // a comment (HTML standard, section 9.2.6): clients ignore it
// Events that accumulated while a slow client did not read are written in parts of this size.
constexpr size_t kPart = 64 << 10;

HttpResponse event_stream() {
  HttpResponse head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.headers.emplace_back("Cache-Control", "no-cache");
  head.headers.emplace_back("X-Accel-Buffering",
                            "no");  // nginx and compatible proxies forward events at once
  return head;
}

// Wakes a coroutine when one of several streams has events.
class Waker {
 public:
  explicit Waker(const asio::any_io_executor& executor) : state_(std::make_shared<State>(executor)) {}

  void watch(EventStream& stream) {
    stream.subscribe([state = state_] {
      // Runs on the engine's thread; the timer belongs to the executor's thread.
      if (!state->posted.exchange(true)) asio::post(state->timer.get_executor(), [state] { state->wake(); });
    });
  }

  // Returns when there may be events to read, or at `end`.
  asio::awaitable<void> wait(Clock::time_point end) {
    if (!state_->awake) {
      boost::system::error_code ignored;
      state_->timer.expires_at(end);
      co_await state_->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    state_->awake = false;
  }

 private:
  struct State {
    explicit State(const asio::any_io_executor& executor) : timer(executor) {}
    void wake() {
      posted = false;
      awake = true;
      timer.cancel();
    }
    asio::steady_timer timer;
    std::atomic<bool> posted = false;
    bool awake = false;
  };
  std::shared_ptr<State> state_;
};

class Answer {
 public:
  Answer(Streams streams, Format& format, Delivery delivery, const AnswerClock& clock, Responder& out)
      : format_(format),
        delivery_(delivery),
        clock_(clock),
        out_(out),
        waker_(out.executor()),
        streams_(std::move(streams)) {}

  asio::awaitable<void> run() {
    for (const auto& stream : streams_) waker_.watch(*stream);
    co_await take_events();  // includes an engine's refusal of one of the prompts
    if (delivery_ == Delivery::kStream) co_await begin_stream();
    while (!is_over()) {
      co_await waker_.wait(look_ + kLook);
      if (look_ + kLook <= Clock::now()) {  // also while events arrive continuously
        look_ = Clock::now();
        if (co_await look() == Going::kEnded) co_return;
      }
      co_await take_events();
      if (failed_) co_return;
      if (delivery_ == Delivery::kStream) co_await flush();
    }
    if (!failed_) co_await end();
  }

 private:
  enum class Going { kOn, kEnded };

  bool is_over() const {
    return failed_ || std::ranges::all_of(streams_, [](const auto& s) { return s->over(); });
  }

  asio::awaitable<Going> look() {
    const Responder::Client client = out_.client();
    if (client == Responder::Client::kGone) co_return Going::kEnded;
    if (out_.time_is_up()) {
      co_await fail(ApiError(503, "unavailable", "", "the server is stopping"));
      co_return Going::kEnded;
    }
    const bool half_closed = client == Responder::Client::kHalfClosed;
    const bool just_closed = half_closed && !half_closed_;
    half_closed_ = half_closed;
    if (just_closed || clock_() - written_ >= kPingInterval) co_await ping();
    co_return Going::kOn;
  }

  // A client that has closed its sending side may be gone, which a write reveals.
  asio::awaitable<void> ping() {
    written_ = clock_();
    if (delivery_ == Delivery::kStream)
      co_await out_.write(kPing);
    else if (half_closed_)
      co_await out_.probe();
  }

  asio::awaitable<void> take_events() {
    for (size_t i = 0; i < streams_.size(); ++i)
      while (const std::optional<Event> event = streams_[i]->poll()) {
        if (const auto* error = std::get_if<ErrorEvent>(&*event))
          co_return co_await fail(api_error(*error, format_.fields()));
        begin_format();
        format_.take(i, *event, text_);
        if (out_.began() && text_.size() >= kPart) co_await flush();
      }
  }

  void begin_format() {
    if (!began_) format_.begin(text_);
    began_ = true;
  }

  asio::awaitable<void> begin_stream() {
    written_ = clock_();
    co_await out_.begin(event_stream());
    co_await flush();
  }

  asio::awaitable<void> flush() {
    if (text_.empty()) co_return;
    written_ = clock_();
    co_await out_.write(text_);
    text_.clear();
  }

  asio::awaitable<void> end() {
    format_.end(text_);
    if (delivery_ == Delivery::kWhole) {
      HttpResponse whole;
      whole.body = std::move(text_);
      co_return co_await out_.send(std::move(whole));
    }
    co_await flush();
    co_await out_.finish();
  }

  asio::awaitable<void> fail(const ApiError& error) {
    failed_ = true;
    if (!out_.began()) throw ApiError(error);
    begin_format();
    format_.fail(error, text_);
    co_await flush();
    co_await out_.finish();
  }

  Format& format_;
  Delivery delivery_;
  const AnswerClock& clock_;
  Responder& out_;
  Waker waker_;
  Streams streams_;
  Clock::time_point look_ = Clock::now();  // when the connection was last checked
  Clock::time_point written_ = clock_();   // when the last write of a part of the stream began
  std::string text_;                       // not written yet
  bool half_closed_ = false;               // the client closed its sending side
  bool began_ = false;                     // format_.begin() was called
  bool failed_ = false;
};

}  // namespace

asio::awaitable<void> answer(Streams streams, Format& format, Delivery delivery, const AnswerClock& clock,
                             Responder& out) {
  Answer a(std::move(streams), format, delivery, clock, out);
  co_await a.run();
}

void append_event(std::string& out, std::string_view data, std::string_view name) {
  if (!name.empty()) out.append("event: ").append(name).append("\n");
  out.append("data: ").append(data).append("\n\n");
}

}  // namespace ferrum::server
