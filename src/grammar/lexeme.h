// One string or name as it is read, without a thread for each byte.
#pragma once
#include <algorithm>
#include <optional>
#include <vector>

#include "grammar/object_rules.h"
#include "grammar/spelling.h"
#include "grammar/text_count.h"
#include "grammar/threads.h"
#include "grammar/token_trie.h"

namespace ferrum::grammar {

class Lexeme {
 public:
  struct Place {
    uint32_t state = 0, count = 0, decoding = 0;
    ValueHash hash;
  };
  enum class Fed : uint8_t { kDead, kInside, kQuote };
  enum class Hashing : uint8_t { kAsNeeded, kNone };

  // Whether `thread` is one that a lexeme can stand for: what may follow in a string does not depend on its
  // hash, nor on what must not be found in it.
  static bool reads(const Program& program, const Thread& thread) {
    if (program.takes_any_writing || thread.search) return false;
    if (thread.at == Thread::At::kName) return true;
    return thread.at == Thread::At::kString;
  }

  // `thread` outlives it.
  Lexeme(const Thread& thread, Hashing hashing)
      : thread_(thread),
        automaton_(*thread.automaton),
        is_name_(thread.at == Thread::At::kName),
        is_hashed_(hashing == Hashing::kAsNeeded && Stepper::needs_hash(thread)),
        is_known_(spelling::is_known(thread)),
        texts_(automaton_, used_by(thread)) {
    const size_t used = used_by(thread);
    const bool has_end = automaton_.plenty(0) != UINT32_MAX;  // texts may run out whatever their length
    may_run_out_ = used > 0 && (has_end || automaton_.most_counted() != 0);
    if (may_run_out_) ample_counts_ = has_end ? 0 : automaton_.ample_counts(used);
    if (!is_name_) return;
    const auto& frame = static_cast<const ObjectFrame&>(*thread.frame);
    others_ = may_other_come(frame, order_of(*frame.shape));
  }

  bool takes_others() const { return others_; }  // a name that is not listed may come
  const Thread& thread() const { return thread_; }
  const Automaton& automaton() const { return automaton_; }
  Place start() const { return {thread_.state, thread_.count, thread_.decoding, thread_.hash}; }

  Fed feed(const Place& from, uint8_t byte, Place& to) const {
    char32_t character = byte;
    if (from.decoding != 0 || byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') {
      const Decoded decoded = decode_json(from.decoding, byte);
      if (decoded.kind == Decoded::Kind::kDead) return Fed::kDead;
      if (decoded.kind == Decoded::Kind::kQuote) return Fed::kQuote;
      if (is_known_ && !spelling::takes(thread_at(from), byte, decoded)) return Fed::kDead;
      if (decoded.kind == Decoded::Kind::kPartial) {
        to = from;
        to.decoding = decoded.state;
        return is_live(to) ? Fed::kInside : Fed::kDead;
      }
      character = decoded.character;
    }
    to.state = automaton_.next(from.state, character);
    if (to.state == Automaton::kDead) return Fed::kDead;
    to.count = is_name_ ? from.count : std::min(from.count + 1, automaton_.most_counted());
    to.decoding = 0;
    if (is_hashed_) {
      to.hash = from.hash;
      to.hash.add(character);
    }
    return is_live(to) ? Fed::kInside : Fed::kDead;
  }

  bool may_run_out() const { return may_run_out_; }
  // Names that differ from those that were there may run out within this many characters.
  bool names_may_run_out(const Place& at, uint32_t characters) const {
    return others_ && automaton_.plenty(at.state) <= characters;
  }
  // Whatever `characters` follow, it is still inside: in a state that all of them lead back to, and where
  // strings may run out, in any.
  bool has_room(const Place& at, uint32_t characters) const {
    if (is_name_) return others_ && !names_may_run_out(at, characters);
    if (may_run_out_ && !automaton_.loops(at.state)) return at.count + characters < ample_counts_;
    if (may_run_out_) ++characters;  // the last one decides
    return automaton_.is_live(at.state, std::min(at.count + characters, automaton_.most_counted()));
  }

  // The same of characters that all lead from the state back to it.
  bool has_looping_room(const Place& at, uint32_t characters) const {
    if (has_room(at, characters)) return true;
    return may_run_out_ && texts_.exceeds(at.state, at.count + characters);
  }

  // All tokens below `node` stay in the string, and its automaton in its state, for as many characters as
  // the string may have.
  bool loops_below(const Place& at, const TokenTrie::Node& node) const {
    return at.decoding == 0 && node.is_plain && (node.classes & byte_classes::kBackslash) == 0 &&
           (node.classes & ~automaton_.looping_classes(at.state)) == 0;
  }

  // Where strings may run out: how many characters may follow, whatever they are, of those that lead back to
  // the state, if no more than one may follow behind them.
  std::optional<uint32_t> room_to_end(const Place& at, uint32_t most) const {
    if (!has_looping_room(at, 0)) return {};
    uint32_t room = 0;
    while (room < most && has_looping_room(at, room + 1)) ++room;
    const uint32_t beyond = std::min(at.count + room + 2, automaton_.most_counted());
    if (automaton_.is_live(at.state, beyond)) return {};
    return room;
  }

  // Whatever up to `characters` characters follow in front of a quote, it is still inside.
  bool takes_everything(uint32_t characters) const {
    return thread_.decoding == 0 && !is_known_ && !may_run_out_ && automaton_.is_open(thread_.state) &&
           (!is_name_ || has_room(start(), characters));
  }

  // No token below `node`, which ends no string, leaves it.
  bool takes_all(const Place& at, const TokenTrie::Node& node) const {
    if (at.decoding != 0 || !node.is_plain) return false;
    const uint64_t loops = automaton_.looping_classes(at.state);
    const bool has_escapes = (node.classes & byte_classes::kBackslash) != 0;
    if ((node.classes & ~loops) == 0 && (!has_escapes || loops == byte_classes::kAll))
      return is_name_ || has_looping_room(at, node.longest);
    if ((node.classes & ~automaton_.run_classes(at.state)) == 0 && !has_escapes &&
        node.longest <= automaton_.run_length(at.state) &&
        at.count + node.longest < (may_run_out_ ? ample_counts_ : automaton_.roomy_counts()))
      return !is_name_ || has_room(at, node.longest);
    return automaton_.is_open(at.state) && (!is_name_ || has_room(at, node.longest));
  }

  // The same of a token that begins a character at `at` with the byte of `node`, and of those below it.
  bool takes_all_with(const Place& at, const TokenTrie::Node& node) const {
    if (node.byte < 0x80 || at.decoding != 0 || !node.begins_plain) return false;
    if (automaton_.is_open(at.state)) return !is_name_ || has_room(at, node.begins_longest);
    const uint32_t next = automaton_.next_above(at.state, node.byte);
    if (next == Automaton::kDead) return false;
    const uint64_t loops = automaton_.looping_classes(next);
    const bool has_escapes = (node.classes & byte_classes::kBackslash) != 0;
    if ((node.classes & ~loops) != 0 || (has_escapes && loops != byte_classes::kAll)) return false;
    const Place behind = {next, at.count, 0, at.hash};
    return is_name_ ? others_ && automaton_.loops(next) : has_looping_room(behind, node.begins_longest);
  }

  // The thread at `at`.
  Thread thread_at(const Place& at) const {
    Thread thread = thread_;
    thread.state = at.state;
    thread.count = at.count;
    thread.decoding = at.decoding;
    thread.hash = at.hash;
    return thread;
  }

 private:
  static bool must_differ(const Thread& thread) {
    return thread.frame->kind == Frame::Kind::kArray &&
           static_cast<const ArrayFrame&>(*thread.frame).shape->is_unique;
  }

  // The texts that a string must differ from.
  static size_t used_by(const Thread& thread) {
    return must_differ(thread) ? HashSet::size_of(static_cast<const ArrayFrame&>(*thread.frame).used.get())
                               : 0;
  }

  bool is_live(const Place& at) const {
    if (is_name_) {
      if (others_ && automaton_.loops(at.state)) return true;
      return is_live_name_at(at);
    }
    if (!automaton_.is_live(at.state, at.count)) return false;
    if (may_run_out_ && !has_room(at, 1)) return is_live_near_end(at);
    return at.decoding == 0 || is_possible(automaton_, at.state, at.count, at.decoding);
  }

  // Where few characters may follow. Between two characters most depends on state and count alone, which are
  // often the last ones again.
  bool is_live_near_end(const Place& at) const {
    if (at.decoding != 0 || !is_hashed_) return has_many(at) || Stepper::is_live(thread_at(at), false);
    if (at.state != near_.state || at.count != near_.count)
      near_ = {at.state, at.count, has_many(at),
               !automaton_.has_next_in(at.state, at.count, 0, kLastCodePoint)};
    if (near_.is_over) return automaton_.accepts(at.state, at.count) && Stepper::is_new(thread_, at.hash);
    return near_.has_many || Stepper::is_live(thread_at(at), false);
  }

  // More texts go on from here than were there.
  bool has_many(const Place& at) const {
    if (at.decoding == 0) return texts_.exceeds(at.state, at.count);
    const Possible possible = possible_characters(at.decoding);
    return std::any_of(possible.ranges, possible.ranges + possible.count, [&](const auto& range) {
      return texts_.exceeds(at.state, at.count, range.first, range.last);
    });
  }

  // Between two characters the state alone decides, unless names run out: asked once.
  bool is_live_name_at(const Place& at) const {
    enum : uint8_t { kUnknown, kLive, kNotLive };
    const auto& frame = static_cast<const ObjectFrame&>(*thread_.frame);
    const auto ask = [&] {
      return is_live_name(frame, at.state, at.decoding, at.hash, order_of(*frame.shape), others_);
    };
    if (at.decoding != 0 || frame.other_names) return ask();
    if (live_.empty()) live_.resize(automaton_.states(), kUnknown);
    uint8_t& known = live_[at.state];
    if (known == kUnknown) known = ask() ? kLive : kNotLive;
    return known == kLive;
  }

  const Thread& thread_;
  const Automaton& automaton_;
  const bool is_name_, is_hashed_, is_known_;
  mutable TextCount texts_;   // whether more texts follow than it must differ from
  bool may_run_out_ = false;  // a string that must differ from others, of which there may be too few
  uint32_t ample_counts_ = UINT32_MAX;  // … behind as many characters it may
  bool others_ = false;                 // names that are not listed
  mutable std::vector<uint8_t> live_;   // of a name, by state
  struct NearEnd {
    uint32_t state = UINT32_MAX, count = UINT32_MAX;
    bool has_many = false, is_over = false;
  };
  mutable NearEnd near_;
};

}  // namespace ferrum::grammar
