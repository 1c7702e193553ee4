#include "grammar/mask_walk.h"

#include <algorithm>

#include "grammar/first_bytes.h"
#include "grammar/mask_parts.h"

namespace ferrum::grammar {
namespace {

using namespace mask_parts;
using At = Thread::At;

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
    else if (thread.at == At::kRule && thread.decoding == 0 && !thread.search && !is_narrow(thread))
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
    else if (thread.at == At::kRule && splits > 0 && !thread.search && !is_narrow(thread))
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
  const bool is_counted =
      &trie == &all_.trie && node == TokenTrie::kRoot && lexeme.start().decoding == 0 && lexeme.may_run_out();
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
    } else if (at.end != i + 1 && lexeme.takes_all(to, at)) {
      target.take(trie.tokens_below(i));
      i = at.end;
    } else if (is_counted && at.end != i + 1 && lexeme.loops_below(to, at) &&
               take_counted(target, i, lexeme, to)) {
      i = at.end;
    } else {
      target.take(trie.tokens_at(i));
      ++i;
    }
  }
}

}  // namespace ferrum::grammar
