// Names and strings that are known beforehand are written in one way where answers are generated: without
// escapes that they do not need. So what is certain of them comes without asking the model.
#pragma once
#include <algorithm>

#include "grammar/decoder.h"
#include "grammar/threads.h"

namespace ferrum::grammar::spelling {

// Whether all that the string or the name of `thread` may become is known: few texts.
inline bool is_known(const Thread& thread) {
  if (thread.at == Thread::At::kName)
    return static_cast<const ObjectFrame&>(*thread.frame).shape->others.empty();
  constexpr uint32_t kMostTexts = 10'000;
  return thread.automaton->texts_ahead(0) <= kMostTexts;
}

inline bool needs_escape(char32_t c) { return c < 0x20 || c == '"' || c == '\\'; }

// Whether the character `c` may come in the name or string of `at`, between two characters.
inline bool may_come(const Thread& at, char32_t c) {
  Thread next = at;
  next.decoding = 0;
  next.state = at.automaton->next(at.state, c);
  if (next.state == Automaton::kDead) return false;
  next.count = std::min(at.count + 1, at.automaton->most_counted());
  if (Stepper::needs_hash(at)) next.hash.add(c);
  return Stepper::is_live(next, false);
}

// Whether `byte`, which leads from `at` to `decoded`, may come: an escape stands for a character that needs
// one and that may come there.
inline bool takes(const Thread& at, uint8_t byte, const Decoded& decoded) {
  const bool is_escape = byte == '\\' || (at.decoding != 0 && byte < 0x80);
  if (!is_escape) return true;
  if (decoded.kind == Decoded::Kind::kCharacter) return needs_escape(decoded.character);
  if (decoded.kind != Decoded::Kind::kPartial) return true;
  const Possible possible = possible_characters(decoded.state);
  for (const Automaton::Transition& t : at.automaton->transitions(at.state))
    for (char32_t c = t.first; c <= std::min<char32_t>(t.last, '\\'); ++c)
      for (int i = 0; i < possible.count; ++i)
        if (needs_escape(c) && c >= possible.ranges[i].first && c <= possible.ranges[i].last &&
            may_come(at, c))
          return true;
  return false;
}

}  // namespace ferrum::grammar::spelling
