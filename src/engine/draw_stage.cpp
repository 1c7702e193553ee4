#include "engine/draw_stage.h"

#include <algorithm>

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

DrawStage::Memory DrawStage::allocate(Arena& arena, const Limits& limits) {
  const int64_t draws = limits.draws;
  // A draw edits no token twice, so that the edits of at least one always fit.
  return {.in = {.draws = arena.allocate(DType::kI8, draws, sizeof(Draw)),
                 .groups = arena.allocate(DType::kI32, draws + 1, 1),
                 .edits = arena.allocate(DType::kI8, limits.vocab, sizeof(LogitEdit)),
                 .masks = arena.allocate(DType::kI32, most_masks(limits), (limits.vocab + 31) / 32)},
          .out = {.drawn = arena.allocate(DType::kI8, draws, sizeof(Drawn)),
                  .top_ids = arena.allocate(DType::kI32, draws, kMostTop),
                  .top_logprobs = arena.allocate(DType::kF32, draws, kMostTop)}};
}

uint64_t DrawStage::bytes(const Limits& limits) {
  CountingArena arena;
  allocate(arena, limits);
  return arena.bytes();
}

DrawStage::DrawStage(Backend& backend, const Limits& limits)
    : backend_(backend), limits_(limits), arena_(backend), memory_(allocate(arena_, limits)) {
  const DrawResults& out = memory_.out;
  for (Results& results : results_)
    results = {.drawn = backend.landing(out.drawn.bytes()),
               .top_ids = backend.landing(out.top_ids.bytes()),
               .top_logprobs = backend.landing(out.top_logprobs.bytes())};
}

void DrawStage::issue(Tensor logits, const DrawList& list) {
  check(list.size() <= limits_.draws && list.width() <= limits_.vocab, "draws keep their limits");
  check(issued_ - collected_ < 2, "the draws of two steps at most are under way");
  Results& results = results_[static_cast<size_t>(issued_ % 2)];
  results.draws = list.size();
  results.has_top = std::ranges::any_of(list.draws(), [](const Draw& draw) { return draw.top > 0; });
  const std::span<const Draw> draws = list.draws();
  int begin = 0;
  for (int i = 0; i < results.draws; ++i) {
    if (fit(draws.subspan(static_cast<size_t>(begin), static_cast<size_t>(i - begin) + 1))) continue;
    issue_some(logits, list, begin, i);
    begin = i;
  }
  if (begin < results.draws) {
    issue_some(logits, list, begin, results.draws);
    results.drawn->begin(memory_.out.drawn.first_rows(results.draws));
  }
  if (results.has_top) {
    results.top_ids->begin(memory_.out.top_ids.first_rows(results.draws));
    results.top_logprobs->begin(memory_.out.top_logprobs.first_rows(results.draws));
  }
  ++issued_;
}

bool DrawStage::fit(std::span<const Draw> some) const {
  return edits_of(some).count <= limits_.vocab && masks_of(some).count <= most_masks(limits_);
}

void DrawStage::issue_some(Tensor logits, const DrawList& list, int begin, int end) {
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

  const int groups = static_cast<int>(groups_.size());
  Draws in = memory_.in;
  in.draws = in.draws.first_rows(end - begin);
  in.groups = in.groups.first_rows(groups);
  in.edits = in.edits.first_rows(edits.count);
  const auto words = list.mask_words();
  in.masks = {in.masks.data, DType::kI32, masks.count, static_cast<int>(words), static_cast<int>(words)};
  backend_.upload(in.draws, std::as_bytes(std::span(draws_)));
  backend_.upload(in.groups, std::as_bytes(std::span(groups_)));
  if (edits.count > 0)
    backend_.upload(in.edits, std::as_bytes(list.edits().subspan(static_cast<size_t>(edits.first),
                                                                 static_cast<size_t>(edits.count))));
  if (masks.count > 0)
    backend_.upload(in.masks, std::as_bytes(list.masks().subspan(static_cast<size_t>(masks.first) * words,
                                                                 static_cast<size_t>(masks.count) * words)));
  backend_.draw(memory_.out, logits, in, begin);
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
