// A string that records for every byte whether the template wrote it or the context (the users) did.
//
// A Text is a view into a shared, append-only buffer: slices cost nothing, and appending to a text at the end
// of its buffer costs only the new bytes. Origins are stored as the offsets where they change.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/limits.h"

namespace ferrum::jinja {

enum class Origin : uint8_t { kContext, kTemplate };

class Text {
 public:
  Text() = default;
  Text(std::string bytes, Origin origin);

  std::string_view view() const {
    return buffer_ ? std::string_view(buffer_->bytes).substr(begin_, size_) : std::string_view();
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  Text slice(size_t begin, size_t size) const;  // bytes; shares the buffer
  // `part` must be a view into this text's view().
  Text slice(std::string_view part) const;

  // Calls f(std::string_view, Origin) for each stretch of one origin, in order.
  template <class F>
  void for_each_run(F&& f) const;

 private:
  friend class TextBuilder;
  friend Text concatenate(Budget& budget, const Text& a, const Text& b);

  struct Buffer {
    std::string bytes;
    Origin first = Origin::kContext;  // origin of the first byte
    std::vector<size_t> flips;        // offsets, ascending, where the origin changes
    bool may_grow = false;            // owned by one rendering, so no other thread appends to it

    Origin last() const { return flips.size() % 2 == 0 ? first : other(first); }
    void append(std::string_view text, Origin origin);
    void append(const Text& text);
  };
  static Origin other(Origin origin) {
    return origin == Origin::kContext ? Origin::kTemplate : Origin::kContext;
  }
  size_t first_flip_after(size_t offset) const;

  std::shared_ptr<Buffer> buffer_;
  size_t begin_ = 0;
  size_t size_ = 0;
};

Text concatenate(Budget& budget, const Text& a, const Text& b);

// Builds a Text; every byte is charged before it is copied.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(&budget) {}

  void append(std::string_view text, Origin origin) {
    budget_->make(text.size());
    buffer_.append(text, origin);
  }
  void append(const Text& text) {
    budget_->make(text.size());
    buffer_.append(text);
  }
  // Appends text that counts as written by the template: punctuation, numbers, padding.
  void append(std::string_view text) { append(text, Origin::kTemplate); }
  void append(size_t count, const Text& text);
  void pad(size_t count, std::string_view unit = " ") {
    append(count, Text(std::string(unit), Origin::kTemplate));
  }

  size_t size() const { return buffer_.bytes.size(); }
  Budget& budget() const { return *budget_; }
  Text take();

 private:
  Budget* budget_;
  Text::Buffer buffer_;
};

template <class F>
void Text::for_each_run(F&& f) const {
  if (size_ == 0) return;
  size_t flip = first_flip_after(begin_);
  Origin origin = flip % 2 == 0 ? buffer_->first : other(buffer_->first);
  const size_t end = begin_ + size_;
  for (size_t at = begin_; at < end; ++flip, origin = other(origin)) {
    const size_t stop = flip < buffer_->flips.size() ? std::min(buffer_->flips[flip], end) : end;
    f(std::string_view(buffer_->bytes).substr(at, stop - at), origin);
    at = stop;
  }
}

}  // namespace ferrum::jinja
