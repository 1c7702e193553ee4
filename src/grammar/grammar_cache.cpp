#include "grammar/grammar_cache.h"

namespace ferrum::grammar {

size_t GrammarCache::Entry::bytes() const {
  constexpr size_t kRefused = 512;  // of messages and places, about
  return (grammar ? grammar->bytes() : kRefused) + 2 * key.first.size();
}

const std::shared_ptr<const TokenGrammar>& GrammarCache::Entry::get() const {
  if (refusal) throw *refusal;
  return grammar;
}

std::shared_ptr<const TokenGrammar> GrammarCache::get(const Spec& spec,
                                                      const std::shared_ptr<const Vocabulary>& vocabulary) {
  Entry entry = {.key = Key(content_of(spec), vocabulary.get())};
  {
    const std::scoped_lock lock(mutex_);
    const auto found = places_.find(entry.key);
    if (found != places_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return entries_.front().get();
    }
  }
  try {
    entry.grammar = std::make_shared<const TokenGrammar>(Grammar::compile(spec), vocabulary);
  } catch (const Refusal& refusal) {
    entry.refusal = refusal;
  }
  return keep(std::move(entry));
}

std::shared_ptr<const TokenGrammar> GrammarCache::keep(Entry entry) {
  const std::scoped_lock lock(mutex_);
  const auto [place, is_new] = places_.emplace(entry.key, entries_.end());
  if (!is_new) return place->second->get();  // another thread was quicker
  entries_.push_front(std::move(entry));
  place->second = entries_.begin();
  keep_within_bound();
  return entries_.front().get();
}

size_t GrammarCache::size() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

// Grammars grow while they are used, so their sizes are read again each time.
void GrammarCache::keep_within_bound() {
  size_t bytes = 0;
  for (auto at = entries_.begin(); at != entries_.end();) {
    bytes += at->bytes();
    if (bytes <= most_bytes_ || at == entries_.begin()) {
      ++at;
      continue;
    }
    places_.erase(at->key);
    at = entries_.erase(at);
  }
}

}  // namespace ferrum::grammar
