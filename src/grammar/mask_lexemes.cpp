// Masks of strings and names at the root of the tree of tokens.
#include "grammar/mask_walk.h"

#include <algorithm>
#include <bit>
#include <map>

#include "grammar/mask_parts.h"

namespace ferrum::grammar {
namespace {

using namespace mask_parts;
using At = Thread::At;

// The state that most characters lead to, where all characters lead back to it; else kDead.
uint32_t usual_after(const Automaton& automaton, uint32_t state) {
  std::map<uint32_t, uint32_t> ways;
  uint32_t all = 0;
  for (const Automaton::Transition& t : automaton.transitions(state)) {
    const uint32_t ascii = t.first < 0x80 ? std::min<uint32_t>(t.last, 0x7F) - t.first + 1 : 0;
    if (automaton.loops(t.next)) ways[t.next] += ascii;
    all += ascii;
  }
  const auto most =
      std::max_element(ways.begin(), ways.end(), [](auto a, auto b) { return a.second < b.second; });
  return most != ways.end() && most->second * 2 > all ? most->first : Automaton::kDead;
}

}  // namespace

void MaskWalk::add_string(const Thread& thread) {
  const Lexeme lexeme(thread, Lexeme::Hashing::kAsNeeded);
  if (thread.automaton->loops(thread.state))
    add_plain(all_.words, thread, lexeme, thread.state);
  else if (lexeme.may_run_out() || is_narrow(thread))
    walk_string(all_, TokenTrie::kRoot, thread, kSplits);
  else
    add_kept(thread, lexeme);
}

void MaskWalk::add_name(const Thread& thread) {
  const Lexeme lexeme(thread, Lexeme::Hashing::kAsNeeded);
  const Automaton& names = *thread.automaton;
  const auto reach = static_cast<uint32_t>(vocabulary_.texts().max_depth());
  if (!lexeme.takes_others() || is_narrow(thread) || lexeme.names_may_run_out(lexeme.start(), reach))
    walk_string(all_, TokenTrie::kRoot, thread, kSplits);
  else if (names.loops(thread.state))
    add_plain(all_.words, thread, lexeme, thread.state);
  else if (const uint32_t other = usual_after(names, thread.state); other == Automaton::kDead)
    add_kept(thread, lexeme);
  else {
    std::vector<uint32_t> words(all_.words.size());
    add_plain(words, thread, lexeme, other);
    correct_listed(words, lexeme, other);
    unite(all_.words, words);
  }
}

void MaskWalk::add_plain(std::span<uint32_t> words, const Thread& thread, const Lexeme& lexeme,
                         uint32_t state) {
  const StringTokens& strings = vocabulary_.strings();
  const Automaton& automaton = *thread.automaton;
  Lexeme::Place end = lexeme.start();
  end.state = state;
  if (automaton.most_counted() == 0) {
    unite(words, strings.inside(StringTokens::kNoLimit));
    if (automaton.mark(state) != 0) add_closers(words, thread, lexeme, strings.closers(), end);
    return;
  }
  uint32_t room = strings.most_characters();  // the longest run of characters that leaves the string alive
  for (uint32_t low = 0; low < room;) {
    const uint32_t middle = (low + room + 1) / 2;
    if (lexeme.has_looping_room(end, middle))
      low = middle;
    else
      room = middle - 1;
  }
  unite(words, strings.inside(room));
  const uint32_t filled = std::min(end.count + room + 1, automaton.most_counted());
  if (lexeme.may_run_out() && room < strings.most_characters() && automaton.is_live(state, filled))
    add_filling(words, thread, lexeme, room + 1);
  std::vector<Closer> closers;
  const uint32_t count = end.count;
  for (const Closer& closer : strings.closers()) {
    const uint32_t after = std::min(count + closer.characters, automaton.most_counted());
    if (!automaton.accepts(state, after)) continue;
    closers.push_back(closer);
    end.count = after;
  }
  add_closers(words, thread, lexeme, closers, end);
}

void MaskWalk::add_filling(std::span<uint32_t> words, const Thread& thread, const Lexeme& lexeme,
                           uint32_t characters) {
  const std::span<const uint32_t> fewer = vocabulary_.strings().inside(characters - 1);
  const std::span<const uint32_t> all = vocabulary_.strings().inside(characters);
  for (size_t i = 0; i < all.size(); ++i)
    for (uint32_t bits = all[i] & ~fewer[i]; bits != 0; bits &= bits - 1) {
      const auto token = static_cast<int32_t>(i * 32 + static_cast<size_t>(std::countr_zero(bits)));
      if (leaves_new(thread, lexeme, vocabulary_.token(token).bytes)) set(words, token);
    }
}

bool MaskWalk::take_counted(const Target& target, uint32_t node, const Lexeme& lexeme,
                            const Lexeme::Place& at) const {
  const StringTokens& strings = vocabulary_.strings();
  const uint32_t before = at.count - lexeme.start().count;
  const uint32_t most = lexeme.automaton().most_counted();
  if (at.count >= most) return false;  // the count goes no further
  const std::optional<uint32_t> room = lexeme.room_to_end(at, target.trie[node].longest);
  if (!room) return false;
  const uint32_t filling = before + *room + 1;
  const bool may_fill = lexeme.automaton().is_live(at.state, std::min(at.count + *room + 1, most));
  for (const int32_t token : target.trie.tokens_below(node)) {
    const uint32_t characters = strings.characters_of(token);
    if (characters < filling || (characters == filling && may_fill &&
                                 leaves_new(lexeme.thread(), lexeme, vocabulary_.token(token).bytes)))
      set(target.words, token);
  }
  return true;
}

bool MaskWalk::leaves_new(const Thread& thread, const Lexeme& lexeme, std::string_view bytes) {
  ValueHash hash = thread.hash;
  uint32_t decoding = 0;
  for (const char byte : bytes) {
    const Decoded decoded = decode_json(decoding, static_cast<uint8_t>(byte));
    decoding = decoded.state;
    if (decoded.kind == Decoded::Kind::kCharacter) hash.add(decoded.character);
  }
  if (decoding == 0) return Stepper::is_new(thread, hash);
  Lexeme::Place at = lexeme.start(), next;
  for (const char byte : bytes) {
    if (lexeme.feed(at, static_cast<uint8_t>(byte), next) != Lexeme::Fed::kInside) return false;
    at = next;
  }
  return true;
}

void MaskWalk::add_kept(const Thread& thread, const Lexeme& lexeme) {
  const auto reach = static_cast<uint32_t>(vocabulary_.texts().max_depth() + 1);
  MaskCache::Key key = {reinterpret_cast<uintptr_t>(thread.automaton), thread.state,
                        thread.automaton->same_count(thread.count, reach)};
  if (thread.at == At::kName) {  // which of them may come depends on the members so far
    const auto& frame = static_cast<const ObjectFrame&>(*thread.frame);
    ValueHash seen;
    for (const uint64_t bits : frame.seen) seen.add(bits);
    key = {key[0], key[1], frame.next, frame.count, frame.duties, seen.high, seen.low};
  }
  std::shared_ptr<const LexemeMask> mask = cache_.find(key);
  if (!mask) {
    mask = make(thread);
    cache_.put(key, mask);
  }
  unite(all_.words, mask->inside);
  Lexeme::Place end = lexeme.start();
  end.state = mask->end_state;
  end.count = mask->end_count;
  add_closers(all_.words, thread, lexeme, mask->closers, end);
  for (const LexemeMask::Exit& exit : mask->exits) {
    end.state = exit.state;
    const Threads behind = stepper_.behind_string(lexeme.thread_at(end));
    if (behind.empty()) continue;
    all_.take(all_.trie.tokens_at(exit.node));
    walk(all_, exit.node, behind, kSplits);
  }
}

std::shared_ptr<const LexemeMask> MaskWalk::make(const Thread& thread) {
  auto mask = std::make_shared<LexemeMask>();
  mask->inside.resize(all_.words.size());
  std::vector<uint32_t> ended(all_.words.size());
  const Automaton& automaton = *thread.automaton;
  uint32_t end_mark = 0;
  const Target inside = {all_.trie, mask->inside};
  const Lexeme lexeme(thread, Lexeme::Hashing::kNone);
  const auto on_quote = [&](uint32_t node, const Lexeme::Place& at) {
    uint32_t mark = automaton.mark(at.state);
    if (mark == 0) return;
    if (thread.at == At::kName) {
      const auto& frame = static_cast<const ObjectFrame&>(*thread.frame);
      if (mark < frame.shape->first_other() || (end_mark != 0 && mark != end_mark)) {
        mask->exits.push_back({node, at.state});
        return;
      }
    } else if (!automaton.accepts(at.state, at.count)) {
      return;
    }
    end_mark = mark;
    mask->end_state = at.state;
    mask->end_count = at.count;
    for (const int32_t token : all_.trie.tokens_below(node)) set(ended, token);
  };
  const StringTokens& strings = vocabulary_.strings();
  if (lexeme.takes_everything(strings.most_characters())) {
    unite(mask->inside, strings.inside(StringTokens::kNoLimit));
    walk_to_quotes(lexeme, [&](uint32_t node, const Lexeme::Place& at, Lexeme::Fed fed) {
      if (fed == Lexeme::Fed::kQuote) on_quote(node, at);
    });
  } else {
    walk_lexeme(inside, TokenTrie::kRoot, lexeme, on_quote);
  }
  for (const Closer& closer : vocabulary_.strings().closers())
    if (has(ended, static_cast<uint32_t>(closer.token))) mask->closers.push_back(closer);
  return mask;
}

void MaskWalk::walk_to_quotes(const Lexeme& lexeme, const OnEnd& on_end) {
  const TokenTrie& trie = all_.trie;
  places_[0] = lexeme.start();
  for (uint32_t i = TokenTrie::kRoot + 1; i < trie.size();) {
    const TokenTrie::Node& at = trie[i];
    if (!at.has_quote && at.byte != '"') {
      i = at.end;
      continue;
    }
    const Lexeme::Place& from = places_[at.depth - 1U];
    const Lexeme::Fed fed = lexeme.feed(from, at.byte, places_[at.depth]);
    if (fed != Lexeme::Fed::kInside) on_end(i, from, fed);
    i = fed == Lexeme::Fed::kInside ? i + 1 : at.end;
  }
}

void MaskWalk::add_closers(std::span<uint32_t> words, const Thread& thread, const Lexeme& lexeme,
                           std::span<const Closer> closers, Lexeme::Place end) {
  if (closers.empty()) return;
  const bool is_hashed = Stepper::needs_hash(thread);
  if (is_hashed) end.hash = {UINT64_MAX, UINT64_MAX};  // that of no text
  const Threads behind = stepper_.behind_string(lexeme.thread_at(end));
  if (behind.empty()) return;
  std::vector<uint32_t> tails((vocabulary_.strings().tail_count() + 31) / 32);
  if (closers.back().tail != StringTokens::kNoTail)
    walk({vocabulary_.strings().tails(), tails}, TokenTrie::kRoot, behind, kSplits);
  const bool may_repeat = is_hashed && Stepper::may_repeat(thread);
  std::vector<uint32_t> own(may_repeat ? words.size() : 0);
  const std::span<uint32_t> out = may_repeat ? std::span<uint32_t>(own) : words;
  for (const Closer& closer : closers) {
    if (closer.tail != StringTokens::kNoTail) {
      if (!has(tails, closer.tail)) continue;
      if (is_hashed && needs_hash_in(thread, closer.tail) && !takes(thread, closer.token)) continue;
    }
    set(out, closer.token);
  }
  if (!may_repeat) return;
  drop_repeated(out, thread, lexeme);
  unite(words, out);
}

// Whether what follows in the tail may depend on which text ended. (It need not.)
bool MaskWalk::needs_hash_in(const Thread& thread, uint32_t tail) const {
  const StringTokens::TailFacts& facts = vocabulary_.strings().facts(tail);
  if (!thread.frame->is_hashed) return facts.quotes > 1;  // a name, which another one may repeat
  if (facts.is_separator) return false;
  const bool is_only_array = thread.frame->kind == Frame::Kind::kArray &&
                             !static_cast<const ArrayFrame&>(*thread.frame).parent->is_hashed;
  return !is_only_array || !facts.is_closing;
}

// Leaves out the tokens that end the lexeme with a text that has been there.
void MaskWalk::drop_repeated(std::span<uint32_t> words, const Thread& thread, const Lexeme& lexeme) {
  walk_to_quotes(lexeme, [&](uint32_t node, const Lexeme::Place& at, Lexeme::Fed fed) {
    // Where strings may run out, a text that has been there is dead before its quote.
    if (fed == Lexeme::Fed::kDead || !Stepper::is_new(thread, at.hash))
      clear(words, all_.trie.tokens_below(node));
  });
}

void MaskWalk::correct_listed(std::span<uint32_t> words, const Lexeme& lexeme, uint32_t other) {
  const TokenTrie& trie = all_.trie;
  const Target target = {trie, words};
  const Automaton& names = lexeme.automaton();
  places_[0] = lexeme.start();
  for (uint32_t i = TokenTrie::kRoot + 1; i < trie.size();) {
    const TokenTrie::Node& at = trie[i];
    const Lexeme::Place& from = places_[at.depth - 1U];
    Lexeme::Place& to = places_[at.depth];
    const auto is_other = [&](uint32_t state) {
      return names.loops(state) && names.mark(state) == names.mark(other);
    };
    if (at.byte >= 0x80 && from.decoding == 0) {
      const uint32_t next = names.next_above(from.state, at.byte);
      if (next != Automaton::kDead && is_other(next)) {
        i = at.end;
        continue;
      }
    }
    switch (lexeme.feed(from, at.byte, to)) {
      case Lexeme::Fed::kDead:
        clear(words, trie.tokens_below(i));
        i = at.end;
        continue;
      case Lexeme::Fed::kQuote: {
        clear(words, trie.tokens_below(i));
        const Threads behind = stepper_.behind_string(lexeme.thread_at(from));
        if (!behind.empty()) {
          target.take(trie.tokens_at(i));
          walk(target, i, behind, kSplits);
        }
        i = at.end;
        continue;
      }
      case Lexeme::Fed::kInside:
        i = (to.decoding == 0 && is_other(to.state)) || lexeme.takes_all(to, at) ? at.end : i + 1;
    }
  }
}

bool MaskWalk::takes(const Thread& thread, int32_t token) const {
  Threads threads = {thread};
  for (const char byte : vocabulary_.token(token).bytes) {
    threads = stepper_.step(threads, static_cast<uint8_t>(byte));
    if (threads.empty()) return false;
  }
  return true;
}

}  // namespace ferrum::grammar
