#include "grammar/thread_joins.h"

#include <algorithm>
#include <unordered_map>

#include "grammar/distinct_values.h"

namespace ferrum::grammar {
namespace {

using At = Thread::At;

template <class T>
const T& as(const FrameRef& frame) {
  return static_cast<const T&>(*frame);
}

// What the one goes on with includes what the other does. Frames are made anew by each thread, so they may be
// alike without being the same.
bool stands_for(const ObjectFrame& one, const ObjectFrame& other) {
  return one.shape == other.shape && one.form == other.form && one.parent == other.parent &&
         (one.duties & ~other.duties) == 0 && one.count == other.count && one.next == other.next &&
         one.member == other.member && one.seen == other.seen && one.name == other.name &&
         one.members == other.members && HashSet::equal(one.other_names.get(), other.other_names.get());
}

// Of what is counted without an upper bound, more leaves less to wait for.
bool counts_stand_for(const ArrayFrame& one, const ArrayFrame& other) {
  for (size_t k = 0; k < one.shape->counted.size(); ++k) {
    const bool is_bounded = one.shape->counted[k].most != UINT32_MAX;
    if (is_bounded ? one.counts[k] != other.counts[k] : one.counts[k] < other.counts[k]) return false;
  }
  return true;
}

bool stands_for(const ArrayFrame& one, const ArrayFrame& other) {
  return one.shape == other.shape && one.parent == other.parent && one.index == other.index &&
         counts_stand_for(one, other) && one.items == other.items &&
         HashSet::equal(one.used.get(), other.used.get());
}

bool stands_for(const FrameRef& one, const FrameRef& other) {
  if (one == other) return true;
  if (!one || !other || one->kind != other->kind || one->is_hashed != other->is_hashed) return false;
  switch (one->kind) {
    case Frame::Kind::kObject:
      return stands_for(as<ObjectFrame>(one), as<ObjectFrame>(other));
    case Frame::Kind::kArray:
      return stands_for(as<ArrayFrame>(one), as<ArrayFrame>(other));
    case Frame::Kind::kJoin:
      return as<JoinFrame>(one).parents == as<JoinFrame>(other).parents;
    default:
      return false;
  }
}

bool begin_the_same_value(const Thread& one, const Thread& other) {
  return one.at == At::kValue && other.at == At::kValue && one.state == other.state &&
         one.space == other.space && !unique_array(one.frame) && !unique_array(other.frame);
}

// Threads that go on as one, with the frames that wait for them.
struct Alike {
  Thread thread;
  std::vector<FrameRef> frames;
};

bool is_covered(const std::vector<FrameRef>& frames, const FrameRef& frame) {
  return std::ranges::any_of(frames, [&](const FrameRef& other) { return stands_for(other, frame); });
}

// What threads have in common of which one may stand for another. Where there are few, all are looked at.
uint64_t key_of(const Thread& thread) {
  ValueHash key;
  key.add(static_cast<uint64_t>(thread.at));
  key.add(thread.state);
  key.add(thread.space);
  if (thread.at == At::kValue && !unique_array(thread.frame)) return key.low;
  key.add(thread.count);
  key.add(reinterpret_cast<uintptr_t>(thread.automaton));
  key.add(reinterpret_cast<uintptr_t>(thread.rest));
  const Frame& frame = *thread.frame;
  if (frame.kind == Frame::Kind::kObject)
    key.add(reinterpret_cast<uintptr_t>(static_cast<const ObjectFrame&>(frame).shape));
  if (frame.kind == Frame::Kind::kArray)
    key.add(reinterpret_cast<uintptr_t>(static_cast<const ArrayFrame&>(frame).shape));
  return key.low;
}

class Kept {
 public:
  explicit Kept(size_t threads) : is_small_(threads <= kFew) {}

  void add(Thread thread) {
    std::vector<uint32_t>& places = is_small_ ? all_ : by_key_[key_of(thread)];
    bool is_placed = false;
    for (size_t i = 0; i < places.size();) {
      Alike& alike = list_[places[i++]];
      const bool same_value = begin_the_same_value(alike.thread, thread);
      if (!same_value && !alike.thread.waits_like(thread)) continue;
      if (is_covered(alike.frames, thread.frame)) return;
      std::erase_if(alike.frames, [&](const FrameRef& other) { return stands_for(thread.frame, other); });
      if (!is_placed && (same_value || alike.frames.empty())) {
        alike.frames.push_back(thread.frame);
        is_placed = true;
      } else if (alike.frames.empty()) {
        places.erase(places.begin() + static_cast<std::ptrdiff_t>(--i));
      }
    }
    if (is_placed) return;
    FrameRef frame = thread.frame;
    places.push_back(static_cast<uint32_t>(list_.size()));
    list_.push_back({std::move(thread), {std::move(frame)}});
  }

  std::vector<Alike>& list() { return list_; }  // those without frames are left out

 private:
  static constexpr size_t kFew = 12;
  const bool is_small_;
  std::vector<Alike> list_;
  std::vector<uint32_t> all_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> by_key_;
};

FrameRef joined(std::vector<FrameRef> frames) {
  if (frames.size() == 1) return frames.front();
  const bool is_hashed = std::ranges::any_of(frames, [](const FrameRef& f) { return f->is_hashed; });
  Ref<JoinFrame> join(new JoinFrame(is_hashed));
  join->parents = std::move(frames);
  return FrameRef(join.get());
}

}  // namespace

void join_alike(Threads& threads) {
  Kept kept(threads.size());
  for (Thread& thread : threads) kept.add(std::move(thread));
  threads.clear();
  for (Alike& alike : kept.list()) {
    if (alike.frames.empty()) continue;
    alike.thread.frame = joined(std::move(alike.frames));
    threads.push_back(std::move(alike.thread));
  }
}

}  // namespace ferrum::grammar
