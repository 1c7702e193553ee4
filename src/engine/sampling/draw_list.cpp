#include "engine/sampling/draw_list.h"

#include "base/check.h"

namespace ferrum {

DrawList::DrawList(int vocab, int width)
    : vocab_(vocab), width_(width), places_(static_cast<size_t>(vocab), Draw::kNone) {}

void DrawList::clear() {
  forget_places();
  draws_.clear();
  edits_.clear();
  groups_.clear();
  masks_.clear();
}

void DrawList::begin_group() { groups_.push_back(size()); }

Draw& DrawList::add(int row) {
  check(!groups_.empty(), "a draw belongs to a group");
  forget_places();
  Draw& draw = draws_.emplace_back();
  draw.row = row;
  draw.first_edit = static_cast<int32_t>(edits_.size());
  return draws_.back();
}

Draw& DrawList::add_alike() {
  const Draw last = draws_.back();
  draws_.push_back(last);
  return draws_.back();
}

LogitEdit& DrawList::edit(TokenId id) {
  if (id >= width_) {
    left_out_ = {};
    return left_out_;
  }
  int32_t& place = places_[static_cast<size_t>(id)];
  if (place == Draw::kNone) {
    place = static_cast<int32_t>(edits_.size());
    edits_.push_back({.id = id});
    ++draws_.back().edits;
  }
  return edits_[static_cast<size_t>(place)];
}

std::span<uint32_t> DrawList::add_mask() {
  const size_t before = masks_.size();
  draws_.back().mask = static_cast<int32_t>(before / mask_words());
  masks_.resize(before + mask_words());
  return std::span(masks_).subspan(before);
}

void DrawList::take_back_mask() {
  draws_.back().mask = Draw::kNone;
  masks_.resize(masks_.size() - mask_words());
}

void DrawList::forget_places() {
  if (draws_.empty()) return;
  for (size_t i = static_cast<size_t>(draws_.back().first_edit); i < edits_.size(); ++i)
    places_[static_cast<size_t>(edits_[i].id)] = Draw::kNone;
}

}  // namespace ferrum
