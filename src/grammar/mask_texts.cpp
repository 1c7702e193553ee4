// Masks of rules, and of structures' free text.
#include "grammar/mask_walk.h"

#include <map>

#include "grammar/mask_parts.h"

namespace ferrum::grammar {
namespace {

using namespace mask_parts;

// A rule that calls none there and whose end leads nowhere.
bool goes_on_alone(const Program& program, const Thread& thread, uint32_t state) {
  const bool may_end = thread.automaton->mark(state) != 0 && thread.frame->kind != Frame::Kind::kRoot;
  return !may_end && program.rules[thread.count].calls[state].empty();
}

}  // namespace

void MaskWalk::add_rule(const Thread& thread) {
  const bool is_root = thread.frame->kind == Frame::Kind::kRoot;
  const MaskCache::Key key = {reinterpret_cast<uintptr_t>(thread.automaton), thread.state,
                              thread.in_string ? 4U
                              : is_root        ? 1U
                                               : 2U};
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
    if (at.byte >= 0x80 && from.decoding == 0 && at.begins_utf8 && !thread.in_string) {
      const uint32_t next = automaton.next_above(from.state, at.byte);
      if (next != Automaton::kDead && goes_on_alone(program_, thread, next) &&
          (at.classes & ~automaton.looping_classes(next)) == 0) {
        target.take(trie.tokens_below(i));
        i = at.end;
        continue;
      }
    }
    const Decoded decoded =
        thread.in_string ? decode_json(from.decoding, at.byte) : decode_utf8(from.decoding, at.byte);
    to.decoding = decoded.state;
    to.state = decoded.kind == Decoded::Kind::kCharacter ? automaton.next(from.state, decoded.character)
                                                         : from.state;
    const bool is_dead = decoded.kind == Decoded::Kind::kDead || decoded.kind == Decoded::Kind::kQuote ||
                         to.state == Automaton::kDead ||
                         (to.decoding != 0 && !is_possible(automaton, to.state, 0, to.decoding));
    if (is_dead) {
      i = at.end;
      continue;
    }
    const bool is_alone = to.decoding != 0 || goes_on_alone(program_, thread, to.state);
    if (is_alone && to.decoding == 0 && at.is_utf8 && !thread.in_string &&
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
