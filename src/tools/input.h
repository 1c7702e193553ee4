// The bytes of an answer as they arrive, for parsers written as coroutines: such a parser asks for a byte and
// is suspended until it is there. What it does is therefore a function of the bytes alone, however they are
// split.
#pragma once
#include <coroutine>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace ferrum::tools {

class Input {
 public:
  static constexpr int kEnd = -1;

  struct Peek {
    Input& input;
    size_t offset;

    bool await_ready() const { return input.has(offset); }
    void await_suspend(std::coroutine_handle<> parser) {
      input.waiting_ = parser;
      input.wanted_ = offset;
    }
    int await_resume() const {
      const size_t at = input.at_ + offset;
      return at < input.bytes_.size() ? static_cast<unsigned char>(input.bytes_[at]) : kEnd;
    }
  };

  // The byte `offset` places ahead, 0 to 255, or kEnd behind the answer's last one.
  Peek peek(size_t offset = 0) { return {*this, offset}; }
  // The next `bytes` bytes, all of which were peeked at. Valid until the parser is suspended.
  std::string_view front(size_t bytes) const { return std::string_view(bytes_).substr(at_, bytes); }
  // Passes over bytes that were peeked at.
  void skip(size_t bytes) { at_ += bytes; }

  void append(std::string_view bytes) {
    if (at_ > bytes_.size() / 2) {
      bytes_.erase(0, at_);
      at_ = 0;
    }
    bytes_ += bytes;
    wake();
  }
  void end() {
    ended_ = true;
    wake();
  }

 private:
  bool has(size_t offset) const { return ended_ || at_ + offset < bytes_.size(); }
  void wake() {
    while (waiting_ && has(wanted_)) std::exchange(waiting_, nullptr).resume();
  }

  std::string bytes_;
  size_t at_ = 0;
  bool ended_ = false;
  std::coroutine_handle<> waiting_;
  size_t wanted_ = 0;
};

// A parser, or a part of one: begins when it is awaited, and gives a value when it is done.
template <class Value>
class [[nodiscard]] Parse {
 public:
  struct promise_type {
    Value value{};
    std::coroutine_handle<> caller;

    Parse get_return_object() { return Parse(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct ToCaller {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(Handle done) noexcept {
          const std::coroutine_handle<> caller = done.promise().caller;
          return caller ? caller : std::noop_coroutine();
        }
        void await_resume() noexcept {}
      };
      return ToCaller{};
    }
    void return_value(Value result) { value = std::move(result); }
    void unhandled_exception() { throw; }  // out of Input::append
  };
  using Handle = std::coroutine_handle<promise_type>;

  explicit Parse(Handle handle) : handle_(handle) {}
  Parse(Parse&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Parse& operator=(Parse&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Parse() {
    if (handle_) handle_.destroy();
  }

  void start() { handle_.resume(); }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    handle_.promise().caller = caller;
    return handle_;
  }
  Value await_resume() { return std::move(handle_.promise().value); }

 private:
  Handle handle_;
};

}  // namespace ferrum::tools
