// Characters out of bytes, one byte at a time: UTF-8, and within a JSON string its escapes too. The state is
// a number: 0 between characters.
#pragma once
#include <cstdint>

#include "grammar/automaton.h"

namespace ferrum::grammar {

struct Decoded {
  enum class Kind : uint8_t {
    kDead,       // no text goes on like this
    kPartial,    // within a character: `state`
    kCharacter,  // `character` is complete
    kQuote,      // the end of a JSON string
  };
  Kind kind = Kind::kDead;
  uint32_t state = 0;
  char32_t character = 0;
};

Decoded decode_utf8(uint32_t state, uint8_t byte);
// The inside of a JSON string: no control characters, no half of a surrogate pair.
Decoded decode_json(uint32_t state, uint8_t byte);

// The characters that can be completed from `decoding`, which is not 0, as one or two ranges.
struct Possible {
  CodePointSet::Range ranges[2];
  int count;
};
Possible possible_characters(uint32_t decoding);

// Whether a character that `automaton` takes in its state can be completed from `decoding`, which is not 0.
bool is_possible(const Automaton& automaton, uint32_t state, uint32_t count, uint32_t decoding);

}  // namespace ferrum::grammar
