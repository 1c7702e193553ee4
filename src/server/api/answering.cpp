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

// How long a client may be gone unnoticed while nothing is written to it.
constexpr std::chrono::milliseconds kLook{50};
// A slow reader gets what has gathered meanwhile in parts of this size.
constexpr size_t kPart = 64 << 10;

HttpResponse event_stream() {
  HttpResponse head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.headers.emplace_back("Cache-Control", "no-cache");
  return head;
}

// Wakes a coroutine when one of several streams has events.
class Waker {
 public:
  explicit Waker(const asio::any_io_executor& executor) : state_(std::make_shared<State>(executor)) {}

  void watch(EventStream& stream) {
    stream.subscribe([state = state_] {
      // On the engine's thread; the timer belongs to the executor's.
      if (!state->posted.exchange(true)) asio::post(state->timer.get_executor(), [state] { state->wake(); });
    });
  }

  // Until there may be something to read, or to the end of its patience.
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
  Answer(Streams streams, Format& format, Delivery delivery, Responder& out)
      : format_(format),
        delivery_(delivery),
        out_(out),
        waker_(out.executor()),
        streams_(std::move(streams)) {}

  asio::awaitable<void> run() {
    for (const auto& stream : streams_) waker_.watch(*stream);
    while (true) {
      co_await waker_.wait(look_ + kLook);
      if (look_ + kLook <= Clock::now()) {  // however fast events come
        look_ = Clock::now();
        if (out_.client_is_gone()) co_return;
        if (out_.time_is_up())
          co_return co_await fail(ApiError(503, "unavailable", "", "the server is stopping"));
      }
      for (size_t i = 0; i < streams_.size(); ++i)
        while (const std::optional<Event> event = streams_[i]->poll()) {
          if (const auto* error = std::get_if<ErrorEvent>(&*event))
            co_return co_await fail(api_error(*error, format_.prompt_field()));
          if (!began_) format_.begin(text_);
          began_ = true;
          format_.take(i, *event, text_);
          if (delivery_ == Delivery::kStream && text_.size() >= kPart) co_await flush();
        }
      const bool over = std::ranges::all_of(streams_, [](const auto& s) { return s->over(); });
      if (over) co_return co_await end();
      if (delivery_ == Delivery::kStream) co_await flush();
    }
  }

 private:
  asio::awaitable<void> flush() {
    if (text_.empty()) co_return;
    if (!out_.began()) co_await out_.begin(event_stream());
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
    if (!out_.began()) throw ApiError(error);
    format_.fail(error, text_);
    co_await flush();
    co_await out_.finish();
  }

  Format& format_;
  Delivery delivery_;
  Responder& out_;
  Waker waker_;
  Streams streams_;
  Clock::time_point look_ = Clock::now();  // the last one
  std::string text_;
  bool began_ = false;
};

}  // namespace

asio::awaitable<void> answer(Streams streams, Format& format, Delivery delivery, Responder& out) {
  Answer a(std::move(streams), format, delivery, out);
  co_await a.run();
}

void append_event(std::string& out, std::string_view data, std::string_view name) {
  if (!name.empty()) out.append("event: ").append(name).append("\n");
  out.append("data: ").append(data).append("\n\n");
}

}  // namespace ferrum::server
