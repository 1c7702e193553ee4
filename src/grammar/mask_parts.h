// What the parts of MaskWalk share: bits of masks, and which threads can be followed by short cuts.
#pragma once
#include <cstdint>
#include <span>

#include "grammar/structure_graph.h"
#include "grammar/threads.h"

namespace ferrum::grammar::mask_parts {

// How often sets of threads are split on the way down; what is left after that stays a set.
inline constexpr int kSplits = 3;

inline void set(std::span<uint32_t> words, int32_t token) {
  words[static_cast<size_t>(token) / 32] |= 1U << (static_cast<size_t>(token) % 32);
}

inline void clear(std::span<uint32_t> words, std::span<const int32_t> tokens) {
  for (const int32_t token : tokens)
    words[static_cast<size_t>(token) / 32] &= ~(1U << (static_cast<size_t>(token) % 32));
}

inline bool has(std::span<const uint32_t> words, uint32_t bit) { return words[bit / 32] >> (bit % 32) & 1; }

inline void unite(std::span<uint32_t> words, std::span<const uint32_t> more) {
  for (size_t i = 0; i < words.size(); ++i) words[i] |= more[i];
}

// So few characters may follow that tokens are best tried one by one.
inline bool is_narrow(const Thread& thread) {
  constexpr uint32_t kFew = 16;
  uint32_t characters = 0;
  for (const Automaton::Transition& t : thread.automaton->transitions(thread.state)) {
    characters += t.last - t.first + 1;
    if (characters > kFew) return false;
  }
  return true;
}

inline bool is_text(const Program& program, const Thread& thread) {
  return thread.at == Thread::At::kGraph &&
         program.graph->states[thread.state].kind == GraphState::Kind::kText;
}

inline bool is_number(const Program& program, const Thread& thread) {
  return thread.at == Thread::At::kNumber && !program.takes_any_writing && !thread.frame->is_hashed &&
         !thread.search;
}

}  // namespace ferrum::grammar::mask_parts
