#include "text/jinja/text.h"

#include <algorithm>
#include <utility>

namespace ferrum::jinja {

Text::Text(std::string bytes, Origin origin) : size_(bytes.size()) {
  if (bytes.empty()) return;
  buffer_ = std::make_shared<Buffer>();
  buffer_->bytes = std::move(bytes);
  buffer_->first = origin;
}

Text Text::slice(size_t begin, size_t size) const {
  Text result;
  begin = std::min(begin, size_);
  size = std::min(size, size_ - begin);
  if (size == 0) return result;
  result.buffer_ = buffer_;
  result.begin_ = begin_ + begin;
  result.size_ = size;
  return result;
}

Text Text::slice(std::string_view part) const {
  if (part.empty()) return {};
  return slice(static_cast<size_t>(part.data() - view().data()), part.size());
}

size_t Text::first_flip_after(size_t offset) const {
  const auto& flips = buffer_->flips;
  return static_cast<size_t>(std::upper_bound(flips.begin(), flips.end(), offset) - flips.begin());
}

void Text::Buffer::append(std::string_view text, Origin origin) {
  if (text.empty()) return;
  if (bytes.empty())
    first = origin;
  else if (last() != origin)
    flips.push_back(bytes.size());
  bytes.append(text);
}

void Text::Buffer::append(const Text& text) {
  // Copies by offset: `text` may lie in this buffer, which moves as it grows.
  if (text.buffer_.get() == this) {
    const Text copy = Text(text).slice(0, text.size());
    std::string own(copy.view());
    std::vector<std::pair<size_t, Origin>> runs;
    copy.for_each_run([&](std::string_view run, Origin origin) { runs.emplace_back(run.size(), origin); });
    size_t at = 0;
    for (const auto& [size, origin] : runs) {
      append(std::string_view(own).substr(at, size), origin);
      at += size;
    }
    return;
  }
  text.for_each_run([this](std::string_view run, Origin origin) { append(run, origin); });
}

Text concatenate(Budget& budget, const Text& a, const Text& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  Text result;
  if (a.buffer_->may_grow && a.begin_ == 0 && a.size_ == a.buffer_->bytes.size()) {
    budget.make(b.size());
    result.buffer_ = a.buffer_;
  } else {
    budget.make(a.size() + b.size());
    result.buffer_ = std::make_shared<Text::Buffer>();
    result.buffer_->may_grow = true;
    result.buffer_->bytes.reserve(a.size() + b.size());
    result.buffer_->append(a);
  }
  result.buffer_->append(b);
  result.size_ = a.size() + b.size();
  return result;
}

void TextBuilder::append(size_t count, const Text& text) {
  if (text.empty() || count == 0) return;
  budget_->make(count, text.size());
  buffer_.bytes.reserve(buffer_.bytes.size() + count * text.size());
  for (size_t i = 0; i < count; ++i) buffer_.append(text);
}

Text TextBuilder::take() {
  Text result;
  result.size_ = buffer_.bytes.size();
  if (result.size_ == 0) return result;
  result.buffer_ = std::make_shared<Text::Buffer>(std::move(buffer_));
  result.buffer_->may_grow = true;
  buffer_ = {};
  return result;
}

}  // namespace ferrum::jinja
