#include "text/utf8_assembler.h"

#include "base/utf8.h"

namespace ferrum {
namespace {

// The number of bytes at the beginning of `text`, which begins no character, that one U+FFFD replaces: as
// many as could have begun one (Unicode 15, section 3.9, "substitution of maximal subparts").
size_t maximal_subpart(std::string_view text) {
  for (size_t size = 3; size > 1; --size)
    if (text.size() >= size && utf8::incomplete_tail(text.substr(0, size)) == size) return size;
  return 1;
}

}  // namespace

std::string Utf8Assembler::push(std::string_view bytes) {
  std::string out;
  pending_ += bytes;
  give(pending_.size() - utf8::incomplete_tail(pending_), out);
  return out;
}

std::string Utf8Assembler::finish() {
  std::string out;
  give(pending_.size(), out);
  return out;
}

void Utf8Assembler::give(size_t size, std::string& out) {
  const std::string_view text = std::string_view(pending_).substr(0, size);
  for (size_t i = 0; i < size;) {
    const utf8::Decoded d = utf8::decode(text.substr(i));
    if (d.valid) {
      out += text.substr(i, d.size);
      i += d.size;
    } else {
      utf8::append(out, utf8::kReplacement);
      i += broken_ == Tokenizer::BrokenBytes::kOneForEach ? 1 : maximal_subpart(text.substr(i));
    }
  }
  pending_.erase(0, size);
}

}  // namespace ferrum
