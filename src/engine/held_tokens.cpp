#include "engine/held_tokens.h"

#include <utility>

namespace ferrum {

void HeldTokens::push(TokenEvent event, size_t text_bytes, Text text) {
  pushed_ += text_bytes;
  held_.push_back({std::move(event), pushed_});
  ++unfinished_;
  for (size_t i = held_.size() - unfinished_; i < held_.size(); ++i) held_[i].end = pushed_;
  if (text == Text::kWhole) unfinished_ = 0;
}

void HeldTokens::show(size_t text_bytes, FunctionRef<void(Event)> emit) {
  shown_ += text_bytes;
  while (held_.size() > unfinished_ && held_.front().end <= shown_) {
    emit(held_.pop_front().event);
  }
}

void HeldTokens::show_rest(FunctionRef<void(Event)> emit) {
  while (!held_.empty()) emit(held_.pop_front().event);
}

}  // namespace ferrum
