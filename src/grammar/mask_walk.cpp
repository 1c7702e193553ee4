#include "grammar/mask_walk.h"

#include <algorithm>
#include <map>

#include "grammar/first_bytes.h"
#include "grammar/structure_graph.h"

namespace ferrum::grammar {
namespace {

using At = Thread::At;

// Sets of threads are taken apart so many times on the way down; what is left goes on as a set.
constexpr int kSplits = 3;

void set(std::span<uint32_t> words, int32_t token) {
  words[static_cast<size_t>(token) / 32] |= 1U << (static_cast<size_t>(token) % 32);
}

void clear(std::span<uint32_t> words, std::span<const int32_t> tokens) {
  for (const int32_t token : tokens)
    words[static_cast<size_t>(token) / 32] &= ~(1U << (static_cast<size_t>(token) % 32));
}

bool has(std::span<const uint32_t> words, uint32_t bit) { return words[bit / 32] >> (bit % 32) & 1; }

void unite(std::span<uint32_t> words, std::span<const uint32_t> more) {
  for (size_t i = 0; i < words.size(); ++i) words[i] |= more[i];
}

bool may_be_spaced(const Thread& thread) {
  if (thread.search) return false;
  switch (thread.at) {
    case At::kValue:
    case At::kFirstName:
    case At::kNextName:
    case At::kColon:
    case At::kAfterMember:
    case At::kFirstItem:
    case At::kAfterItem:
      return true;
    default:
      return false;
  }
}

// So few characters may follow that tokens are best tried one by one.
bool is_narrow(const Thread& thread) {
  constexpr uint32_t kFew = 16;
  uint32_t characters = 0;
  for (const Automaton::Transition& t : thread.automaton->transitions(thread.state)) {
    characters += t.last - t.first + 1;
    if (characters > kFew) return false;
  }
  return true;
}

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

bool is_text(const Program& program, const Thread& thread) {
  return thread.at == At::kGraph && program.graph->states[thread.state].kind == GraphState::Kind::kText;
}

// A rule that calls none there and whose end leads nowhere.
bool goes_on_alone(const Program& program, const Thread& thread, uint32_t state) {
  const bool may_end = thread.automaton->mark(state) != 0 && thread.frame->kind != Frame::Kind::kRoot;
  return !may_end && program.rules[thread.count].calls[state].empty();
}

bool is_number(const Program& program, const Thread& thread) {
  return thread.at == At::kNumber && !program.takes_any_writing && !thread.frame->is_hashed && !thread.search;
}

}  // namespace

void MaskWalk::Target::take(std::span<const int32_t> tokens) const {
  for (const int32_t token : tokens)
    if (!leading || leading[static_cast<size_t>(token)] <= most_leading) set(words, token);
}

MaskWalk::MaskWalk(const Program& program, const Vocabulary& vocabulary, MaskCache& cache,
                   std::span<uint32_t> words)
    : program_(program),
      stepper_(program),
      vocabulary_(vocabulary),
      cache_(cache),
      all_{vocabulary.texts(), words},
      places_(vocabulary.texts().max_depth() + 1) {}

void MaskWalk::add(const Threads& threads) {
  Threads others;
  for (const Thread& thread : threads) {
    if (thread.at == At::kEnd) continue;
    if (is_number(program_, thread))
      add_number(thread);
    else if (is_text(program_, thread))
      add_text(thread);
    else if (thread.at == At::kRule && thread.decoding == 0 && !is_narrow(thread))
      add_rule(thread);
    else if (!Lexeme::reads(program_, thread))
      others.push_back(thread);
    else if (thread.decoding != 0)
      walk_string(all_, TokenTrie::kRoot, thread, kSplits);
    else if (thread.at == At::kName)
      add_name(thread);
    else
      add_string(thread);
  }
  if (!others.empty()) add_structural(others);
}

void MaskWalk::add_structural(const Threads& threads) {
  const uint32_t space = threads[0].space;
  const bool is_spaced =
      space < program_.max_space && std::all_of(threads.begin(), threads.end(), [&](const Thread& thread) {
        return may_be_spaced(thread) && thread.space == space;
      });
  if (!is_spaced) return walk_bytes(all_, TokenTrie::kRoot, threads, kSplits);
  // White space changes nothing but its count.
  const SpacedTokens& spaced = vocabulary_.spaced();
  const uint32_t most = program_.max_space - space;
  for (const SpacedTokens::Space& one : spaced.spaces()) {
    if (one.characters > most) break;
    set(all_.words, one.token);
  }
  Target rests = {spaced.rests(), all_.words};
  if (spaced.most_leading() > most) {
    rests.leading = spaced.leading();
    rests.most_leading = most;
  }
  walk_bytes(rests, TokenTrie::kRoot, threads, kSplits);
}

void MaskWalk::add_number(const Thread& thread) {
  if (thread.automaton->mark(thread.state) != 0) add(stepper_.behind_number(thread));
  walk_number(all_, TokenTrie::kRoot, thread, kSplits);
}

void MaskWalk::add_string(const Thread& thread) {
  const Lexeme lexeme(thread, Lexeme::Hashing::kAsNeeded);
  if (lexeme.may_run_out())
    walk_string(all_, TokenTrie::kRoot, thread, kSplits);
  else if (thread.automaton->loops(thread.state))
    add_plain(all_.words, thread, lexeme, thread.state);
  else if (is_narrow(thread))
    walk_string(all_, TokenTrie::kRoot, thread, kSplits);
  else
    add_kept(thread, lexeme);
}

void MaskWalk::add_name(const Thread& thread) {
  const Lexeme lexeme(thread, Lexeme::Hashing::kAsNeeded);
  const Automaton& names = *thread.automaton;
  if (!lexeme.takes_others() || is_narrow(thread))
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
    if (lexeme.has_room(end, middle))
      low = middle;
    else
      room = middle - 1;
  }
  unite(words, strings.inside(room));
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
  walk_lexeme(inside, TokenTrie::kRoot, lexeme, [&](uint32_t node, const Lexeme::Place& at) {
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
  });
  for (const Closer& closer : vocabulary_.strings().closers())
    if (has(ended, static_cast<uint32_t>(closer.token))) mask->closers.push_back(closer);
  return mask;
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
  const TokenTrie& trie = all_.trie;
  places_[0] = lexeme.start();
  for (uint32_t i = TokenTrie::kRoot + 1; i < trie.size();) {
    const TokenTrie::Node& at = trie[i];
    const Lexeme::Place& from = places_[at.depth - 1U];
    const Lexeme::Fed fed =
        at.has_quote || at.byte == '"' ? lexeme.feed(from, at.byte, places_[at.depth]) : Lexeme::Fed::kDead;
    if (fed == Lexeme::Fed::kQuote && !Stepper::is_new(thread, from.hash)) clear(words, trie.tokens_below(i));
    i = fed == Lexeme::Fed::kInside ? i + 1 : at.end;
  }
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
      const uint32_t next = names.next_above(from.state);
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

void MaskWalk::walk(const Target& target, uint32_t node, const Threads& threads, int splits) {
  if (target.trie[node].end == node + 1) return;
  if (threads.size() > 1) {
    if (splits == 0) return walk_bytes(target, node, threads, 0);
    --splits;
  }
  Threads others;
  for (const Thread& thread : threads) {
    if (thread.at == At::kEnd) continue;
    if (is_number(program_, thread))
      walk_number(target, node, thread, splits);
    else if (Lexeme::reads(program_, thread))
      walk_string(target, node, thread, splits);
    else if (is_text(program_, thread))
      walk_text(target, node, thread);
    else if (thread.at == At::kRule && splits > 0 && !is_narrow(thread))
      walk_rule(target, node, thread);
    else
      others.push_back(thread);
  }
  if (!others.empty()) walk_bytes(target, node, others, splits);
}

void MaskWalk::walk_bytes(const Target& target, uint32_t node, const Threads& threads, int splits) {
  const TokenTrie& trie = target.trie;
  constexpr uint32_t kFewNodes = 4;  // for which it does not pay to ask which bytes may come
  const bool is_small = trie[node].end - node <= kFewNodes;
  const std::bitset<256> first = is_small ? std::bitset<256>() : first_bytes(program_, threads);
  for (uint32_t child = node + 1; child < trie[node].end; child = trie[child].end) {
    if (!is_small && !first[trie[child].byte]) continue;
    const Threads next = stepper_.step(threads, trie[child].byte);
    if (next.empty()) continue;
    target.take(trie.tokens_at(child));
    walk(target, child, next, splits);
  }
}

void MaskWalk::walk_number(const Target& target, uint32_t node, const Thread& thread, int splits) {
  const TokenTrie& trie = target.trie;
  const Automaton& automaton = *thread.automaton;
  const Threads behind = [&] {
    Thread ended = thread;
    for (ended.state = 0; ended.state < automaton.states() && automaton.mark(ended.state) == 0;)
      ++ended.state;
    return ended.state < automaton.states() ? stepper_.behind_number(ended) : Threads();
  }();
  if (node != TokenTrie::kRoot && automaton.mark(thread.state) != 0) walk_bytes(target, node, behind, splits);
  places_[trie[node].depth].state = thread.state;
  for (uint32_t i = node + 1; i < trie[node].end;) {
    const TokenTrie::Node& at = trie[i];
    const uint32_t state =
        at.byte < 0x80 ? automaton.next(places_[at.depth - 1U].state, at.byte) : Automaton::kDead;
    if (state == Automaton::kDead) {
      i = at.end;
      continue;
    }
    target.take(trie.tokens_at(i));
    if (automaton.mark(state) != 0) walk_bytes(target, i, behind, splits);
    places_[at.depth].state = state;
    ++i;
  }
}

void MaskWalk::walk_string(const Target& target, uint32_t node, const Thread& thread, int splits) {
  const Lexeme lexeme(thread, Lexeme::Hashing::kAsNeeded);
  const Automaton& automaton = *thread.automaton;
  const bool is_hashed = Stepper::needs_hash(thread);
  std::vector<std::pair<uint32_t, Threads>> known;  // what follows, by mark
  walk_lexeme(target, node, lexeme, [&](uint32_t quote, const Lexeme::Place& at) {
    const uint32_t mark = automaton.mark(at.state);
    if (mark == 0 || (thread.at == At::kString && !automaton.accepts(at.state, at.count))) return;
    auto place = std::find_if(known.begin(), known.end(), [&](const auto& one) { return one.first == mark; });
    if (is_hashed || place == known.end()) {
      known.emplace_back(mark, stepper_.behind_string(lexeme.thread_at(at)));
      place = std::prev(known.end());
    }
    const Threads behind = is_hashed ? std::move(place->second) : place->second;
    if (is_hashed) known.pop_back();
    if (behind.empty()) return;
    target.take(target.trie.tokens_at(quote));
    walk(target, quote, behind, splits);
  });
}

void MaskWalk::walk_lexeme(const Target& target, uint32_t node, const Lexeme& lexeme,
                           const OnQuote& on_quote) {
  const TokenTrie& trie = target.trie;
  places_[trie[node].depth] = lexeme.start();
  for (uint32_t i = node + 1; i < trie[node].end;) {
    const TokenTrie::Node& at = trie[i];
    const Lexeme::Place& from = places_[at.depth - 1U];
    Lexeme::Place& to = places_[at.depth];
    if (lexeme.takes_all_with(from, at)) {
      target.take(trie.tokens_below(i));
      i = at.end;
      continue;
    }
    const Lexeme::Fed fed = lexeme.feed(from, at.byte, to);
    if (fed != Lexeme::Fed::kInside) {
      if (fed == Lexeme::Fed::kQuote) on_quote(i, from);
      i = at.end;
    } else if (lexeme.takes_all(to, at)) {
      target.take(trie.tokens_below(i));
      i = at.end;
    } else {
      target.take(trie.tokens_at(i));
      ++i;
    }
  }
}

void MaskWalk::add_rule(const Thread& thread) {
  const bool is_root = thread.frame->kind == Frame::Kind::kRoot;
  const MaskCache::Key key = {reinterpret_cast<uintptr_t>(thread.automaton), thread.state, is_root ? 1U : 2U};
  std::shared_ptr<const LexemeMask> mask = cache_.find(key);
  if (!mask) {
    auto made = std::make_shared<LexemeMask>();
    made->inside.resize(all_.words.size());
    walk_in_rule({all_.trie, made->inside}, TokenTrie::kRoot, thread, [&](uint32_t node, uint32_t state) {
      made->exits.push_back({node, state});
    });
    mask = made;
    cache_.put(key, mask);
  }
  unite(all_.words, mask->inside);
  leave_rule(all_, thread, mask->exits);
}

void MaskWalk::walk_rule(const Target& target, uint32_t node, const Thread& thread) {
  std::vector<LexemeMask::Exit> exits;
  walk_in_rule(target, node, thread, [&](uint32_t exit, uint32_t state) { exits.push_back({exit, state}); });
  leave_rule(target, thread, exits);
}

void MaskWalk::leave_rule(const Target& target, const Thread& thread,
                          std::span<const LexemeMask::Exit> exits) {
  std::map<uint32_t, Threads> known;  // what stands beside the rule, by its state
  Thread at = thread;
  for (const LexemeMask::Exit& exit : exits) {
    if (target.trie[exit.node].end == exit.node + 1) continue;
    auto place = known.find(exit.state);
    if (place == known.end()) {
      at.state = exit.state;
      at.decoding = 0;
      place = known.emplace(exit.state, stepper_.beside_rule(at)).first;
    }
    if (!place->second.empty()) walk_bytes(target, exit.node, place->second, 0);
  }
}

void MaskWalk::walk_in_rule(const Target& target, uint32_t node, const Thread& thread,
                            const OnExit& on_exit) {
  const TokenTrie& trie = target.trie;
  const Automaton& automaton = *thread.automaton;
  places_[trie[node].depth] = {thread.state, 0, thread.decoding, {}};
  for (uint32_t i = node + 1; i < trie[node].end;) {
    const TokenTrie::Node& at = trie[i];
    const Lexeme::Place& from = places_[at.depth - 1U];
    Lexeme::Place& to = places_[at.depth];
    if (at.byte >= 0x80 && from.decoding == 0 && at.begins_utf8) {
      const uint32_t next = automaton.next_above(from.state);
      if (next != Automaton::kDead && goes_on_alone(program_, thread, next) &&
          (at.classes & ~automaton.looping_classes(next)) == 0) {
        target.take(trie.tokens_below(i));
        i = at.end;
        continue;
      }
    }
    const Decoded decoded = decode_utf8(from.decoding, at.byte);
    to.decoding = decoded.state;
    to.state = decoded.kind == Decoded::Kind::kCharacter ? automaton.next(from.state, decoded.character)
                                                         : from.state;
    const bool is_dead = decoded.kind == Decoded::Kind::kDead || to.state == Automaton::kDead ||
                         (to.decoding != 0 && !is_possible(automaton, to.state, 0, to.decoding));
    if (is_dead) {
      i = at.end;
      continue;
    }
    const bool is_alone = to.decoding != 0 || goes_on_alone(program_, thread, to.state);
    if (is_alone && to.decoding == 0 && at.is_utf8 &&
        ((at.classes & ~automaton.looping_classes(to.state)) == 0)) {
      target.take(trie.tokens_below(i));
      i = at.end;
      continue;
    }
    target.take(trie.tokens_at(i));
    if (!is_alone) on_exit(i, to.state);
    ++i;
  }
}

void MaskWalk::add_text(const Thread& thread) {
  const ByteSearch& search = *program_.graph->states[thread.state].search;
  const MaskCache::Key key = {reinterpret_cast<uintptr_t>(&search), thread.count, 3};
  std::shared_ptr<const LexemeMask> mask = cache_.find(key);
  if (!mask) {
    auto made = std::make_shared<LexemeMask>();
    made->inside.resize(all_.words.size());
    walk_in_text({all_.trie, made->inside}, TokenTrie::kRoot, thread, [&](uint32_t node, uint32_t state) {
      made->exits.push_back({node, state});
    });
    mask = made;
    cache_.put(key, mask);
  }
  unite(all_.words, mask->inside);
  for (const LexemeMask::Exit& exit : mask->exits) walk_path(all_, TokenTrie::kRoot, exit.node, {thread});
}

void MaskWalk::walk_text(const Target& target, uint32_t node, const Thread& thread) {
  std::vector<uint32_t> over;
  walk_in_text(target, node, thread, [&](uint32_t at, uint32_t /*state*/) { over.push_back(at); });
  for (const uint32_t at : over) walk_path(target, node, at, {thread});
}

void MaskWalk::walk_in_text(const Target& target, uint32_t node, const Thread& thread,
                            const OnExit& on_exit) {
  const TokenTrie& trie = target.trie;
  const ByteSearch& search = *program_.graph->states[thread.state].search;
  places_[trie[node].depth].state = thread.count;
  for (uint32_t i = node + 1; i < trie[node].end;) {
    const TokenTrie::Node& at = trie[i];
    const uint32_t state = search.step(places_[at.depth - 1U].state, at.byte);
    if (state == ByteSearch::kFound) {  // only what began in the text goes on
      on_exit(i, 0);
      i = at.end;
    } else if (state == 0 && (at.classes & search.leaving()) == 0) {
      target.take(trie.tokens_below(i));
      i = at.end;
    } else {
      target.take(trie.tokens_at(i));
      places_[at.depth].state = state;
      ++i;
    }
  }
}

void MaskWalk::walk_path(const Target& target, uint32_t from, uint32_t to, Threads threads) {
  const TokenTrie& trie = target.trie;
  while (from != to) {
    uint32_t child = from + 1;
    while (trie[child].end <= to) child = trie[child].end;
    threads = stepper_.step(threads, trie[child].byte);
    if (threads.empty()) return;
    from = child;
  }
  target.take(trie.tokens_at(to));
  walk(target, to, threads, 0);
}

}  // namespace ferrum::grammar
