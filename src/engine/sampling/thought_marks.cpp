#include "engine/sampling/thought_marks.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum {
namespace {

constexpr size_t kLast = 4;  // tokens that the first ones of a mark might have been joined to

// How much of `mark` the text ends with that ended with its first `matched` bytes and goes on with `byte`.
size_t matched_behind(std::string_view mark, size_t matched, char byte) {
  for (std::string text = std::string(mark.substr(0, matched)) + byte; !text.empty(); text.erase(0, 1))
    if (mark.starts_with(text)) return text.size();
  return 0;
}

bool is_white_space(char byte) {
  return std::string_view(" \t\n\v\f\r").find(byte) != std::string_view::npos;
}

bool completes(std::string_view mark, size_t matched, std::string_view bytes) {
  for (const char byte : bytes) {
    matched = matched_behind(mark, matched, byte);
    if (matched == mark.size()) return true;
  }
  return false;
}

}  // namespace

ThoughtMarks::ThoughtMarks(Vocabulary vocabulary, Texts texts)
    : vocabulary_(std::move(vocabulary)), texts_(std::move(texts)) {
  check(!texts_.open.empty() && !texts_.close.empty() && texts_.open.starts_with(texts_.begin) &&
            !texts_.begin.empty(),
        "thoughts have marks");
  const std::string firsts = texts_.other_firsts + texts_.open[0] + texts_.close[0];
  may_begin_.resize(static_cast<size_t>(vocabulary_.size));
  for (TokenId id = 0; id < vocabulary_.size; ++id) {
    const std::string bytes = vocabulary_.bytes(id);
    may_begin_[static_cast<size_t>(id)] = bytes.find_first_of(firsts) != std::string::npos;
    if (bytes.find(texts_.begin) != std::string::npos) whole_begins_.push_back(id);
  }
}

TokenId ThoughtMarks::next_of_close(std::span<const TokenId> answer, size_t matched) const {
  const std::string rest = texts_.close.substr(matched);
  std::span<const TokenId> last = answer.last(std::min(answer.size(), kLast));
  while (!std::ranges::all_of(last, vocabulary_.is_text)) last = last.subspan(1);
  std::string before;
  for (const TokenId id : last) before += bytes(id);
  const auto begins_rest = [&](TokenId id) {
    const std::string first = bytes(id);
    return !first.empty() && rest.starts_with(first);
  };
  // A tokenizer may write the beginning of a text in a way of its own, so the first token is not compared.
  const std::vector<TokenId> ids = vocabulary_.encode(before + rest);
  if (ids.size() > last.size() && begins_rest(ids[last.size()]) &&
      (last.empty() || std::equal(last.begin() + 1, last.end(), ids.begin() + 1)))
    return ids[last.size()];
  const std::vector<TokenId> alone = vocabulary_.encode(rest);
  if (!alone.empty() && begins_rest(alone.front())) return alone.front();
  TokenId longest = 0;
  size_t length = 0;
  for (TokenId id = 0; id < vocabulary_.size; ++id)
    if (begins_rest(id) && bytes(id).size() > length) {
      longest = id;
      length = bytes(id).size();
    }
  return longest;
}

std::vector<TokenId> ThoughtMarks::beginning(size_t matched) const {
  if (matched == 0) return whole_begins_;
  std::vector<TokenId> ids;
  if (matched >= texts_.begin.size()) return ids;
  for (TokenId id = 0; id < vocabulary_.size; ++id)
    if (completes(texts_.begin, matched, bytes(id))) ids.push_back(id);
  return ids;
}

void ThoughtScan::take(TokenId id) {
  const bool idle = matched_ == 0 && call_ == 0;
  tokens_ += inside_ ? 1 : 0;
  if (idle) candidate_ = 0;
  ++candidate_;
  if (idle && begun_ && !marks_->may_begin(id)) return;
  closed_ = false;
  const std::string bytes = marks_->bytes(id);
  if (inside_ && bytes == marks_->texts().open) --tokens_;  // it says nothing more
  for (const char byte : bytes) step(byte);
  if (closed_) tokens_ -= std::min(tokens_, candidate_);
}

void ThoughtScan::step(char byte) {
  if (inside_) {
    matched_ = matched_behind(marks_->texts().close, matched_, byte);
    if (calls_ != nullptr) call_ = calls_->step(call_, static_cast<uint8_t>(byte));
    closed_ |= matched_ == marks_->texts().close.size();
    if (closed_ || call_ == grammar::ByteSearch::kFound) leave();
    return;
  }
  if (may_open()) matched_ = matched_behind(marks_->texts().open, matched_, byte);
  if (matched_ == marks_->texts().open.size()) {
    inside_ = begun_ = true;
    matched_ = 0;
    return;
  }
  begun_ |= matched_ == 0 && !is_white_space(byte);
}

void ThoughtScan::leave() {
  inside_ = false;
  ended_ = true;
  matched_ = 0;
  call_ = 0;
}

}  // namespace ferrum
