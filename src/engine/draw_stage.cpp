#include "engine/draw_stage.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ferrum {
namespace {

// What some draws, one behind the other, take of a list: those that share edits or a mask count once.
struct Part {
  int first;
  int count;
};

Part edits_of(std::span<const Draw> some) {
  const int first = some.front().first_edit;
  return {first, some.back().first_edit + some.back().edits - first};
}

Part masks_of(std::span<const Draw> some) {
  const auto has_mask = [](const Draw& draw) { return draw.mask != Draw::kNone; };
  const auto first = std::ranges::find_if(some, has_mask);
  if (first == some.end()) return {0, 0};
  const auto last = std::find_if(some.rbegin(), some.rend(), has_mask);
  return {first->mask, last->mask - first->mask + 1};
}

// Of one call: more of them go in several.
int most_masks(const DrawStage::Limits& limits) { return std::min(limits.draws, 32); }

}  // namespace

DrawResults DrawStage::allocate(Arena& arena, const Limits& limits) {
  const int64_t draws = limits.draws;
  return {.drawn = arena.allocate(DType::kI8, draws, sizeof(Drawn)),
          .top_ids = arena.allocate(DType::kI32, draws, kMostTop),
          .top_logprobs = arena.allocate(DType::kF32, draws, kMostTop)};
}

uint64_t DrawStage::bytes(const Limits& limits) {
  CountingArena arena;
  allocate(arena, limits);
  return arena.bytes();
}

size_t DrawStage::upload_bytes(const Limits& limits) {
  const auto draws = static_cast<size_t>(limits.draws), vocab = static_cast<size_t>(limits.vocab);
  // A draw edits no token twice, so that the edits of at least one always fit.
  return StepUpload::rounded(draws * sizeof(Draw)) + StepUpload::of_words(limits.draws + 1) +
         StepUpload::rounded(vocab * sizeof(LogitEdit)) +
         StepUpload::of_words(int64_t{most_masks(limits)} * ((limits.vocab + 31) / 32));
}

DrawStage::DrawStage(Backend& backend, StepUpload& upload, const Limits& limits)
    : backend_(backend), upload_(upload), limits_(limits), arena_(backend), out_(allocate(arena_, limits)) {
  for (Results& results : results_)
    results = {.drawn = backend.landing(out_.drawn.bytes()),
               .top_ids = backend.landing(out_.top_ids.bytes()),
               .top_logprobs = backend.landing(out_.top_logprobs.bytes())};
}

void DrawStage::prepare(const DrawList& list) {
  check(list.size() <= limits_.draws && list.width() <= limits_.vocab, "draws keep their limits");
  mark_ = upload_.size();
  prepared_ = end_of_part(list, 0);
  if (prepared_ > 0) add(list, 0, prepared_);
}

void DrawStage::issue(Tensor logits, const DrawList& list) {
  check(issued_ - collected_ < 2, "the draws of two steps at most are under way");
  check(std::exchange(prepared_, -1) == end_of_part(list, 0), "draws are prepared before they are issued");
  Results& results = results_[static_cast<size_t>(issued_ % 2)];
  results.draws = list.size();
  results.has_top = std::ranges::any_of(list.draws(), [](const Draw& draw) { return draw.top > 0; });
  for (int begin = 0; begin < results.draws;) {
    const int end = end_of_part(list, begin);
    if (begin > 0) {  // those before it have read theirs by then
      upload_.cut(mark_);
      add(list, begin, end);
      upload_.send();
    }
    backend_.draw(out_, logits, in_, begin);
    begin = end;
  }
  if (results.draws > 0) results.drawn->begin(out_.drawn.first_rows(results.draws));
  if (results.has_top) {
    results.top_ids->begin(out_.top_ids.first_rows(results.draws));
    results.top_logprobs->begin(out_.top_logprobs.first_rows(results.draws));
  }
  ++issued_;
}

int DrawStage::end_of_part(const DrawList& list, int begin) const {
  int end = begin;
  while (end < list.size() &&
         fit(list.draws().subspan(static_cast<size_t>(begin), static_cast<size_t>(end + 1 - begin))))
    ++end;
  return end;
}

bool DrawStage::fit(std::span<const Draw> some) const {
  return edits_of(some).count <= limits_.vocab && masks_of(some).count <= most_masks(limits_);
}

void DrawStage::add(const DrawList& list, int begin, int end) {
  const auto some = list.draws().subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  const Part edits = edits_of(some);
  const Part masks = masks_of(some);
  draws_.assign(some.begin(), some.end());
  for (Draw& draw : draws_) {
    draw.first_edit -= edits.first;
    if (draw.mask != Draw::kNone) draw.mask -= masks.first;
  }
  // A part of a group is a group too: what its draws stand on was issued before.
  groups_.assign(1, 0);
  for (const int32_t first : list.groups())
    if (first < end && first - begin > groups_.back()) groups_.push_back(first - begin);
  groups_.push_back(end - begin);

  const auto plain = [&]<class T>(std::span<const T> structs) {
    return upload_.add(DType::kI8, static_cast<int>(sizeof(T)), std::as_bytes(structs));
  };
  const auto words = list.mask_words();
  const auto part = [](auto all, size_t first, size_t count) { return all.subspan(first, count); };
  in_ = {};
  in_.draws = plain(std::span<const Draw>(draws_));
  in_.groups = upload_.add(groups_);
  in_.edits = plain(part(list.edits(), static_cast<size_t>(edits.first), static_cast<size_t>(edits.count)));
  in_.masks = upload_.add(DType::kI32, static_cast<int>(words),
                          std::as_bytes(part(list.masks(), static_cast<size_t>(masks.first) * words,
                                             static_cast<size_t>(masks.count) * words)));
}

DrawnTokens DrawStage::collect() {
  check(collected_ < issued_, "draws are issued before they are collected");
  Results& results = results_[static_cast<size_t>(collected_++ % 2)];
  if (results.draws == 0) return {};
  const auto values = []<class T>(Landing& landing, T) {
    const std::span<const std::byte> bytes = landing.wait();
    return std::span(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T));
  };
  const std::span<const Drawn> drawn = values(*results.drawn, Drawn());
  if (!results.has_top) return {.drawn = drawn, .top_ids = {}, .top_logprobs = {}};
  return {.drawn = drawn,
          .top_ids = values(*results.top_ids, int32_t()),
          .top_logprobs = values(*results.top_logprobs, float())};
}

}  // namespace ferrum
