#include "grammar/grammar_cache.h"

namespace ferrum::grammar {
std::shared_ptr<const TokenGrammar> GrammarCache::get(const Spec& spec,
                                                      const std::shared_ptr<const Vocabulary>& vocabulary) {
  Key key(content_of(spec), vocabulary.get());
  {
    const std::scoped_lock lock(mutex_);
    const auto found = places_.find(key);
    if (found != places_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return entries_.front().grammar;
    }
  }
  auto grammar = std::make_shared<const TokenGrammar>(Grammar::compile(spec), vocabulary);
  const std::scoped_lock lock(mutex_);
  const auto found = places_.find(key);  // another thread may have been quicker
  if (found != places_.end()) return found->second->grammar;
  entries_.push_front({key, grammar});
  places_.emplace(std::move(key), entries_.begin());
  keep_within_bound();
  return grammar;
}

size_t GrammarCache::size() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

// Grammars grow while they are used, so their sizes are read again each time.
void GrammarCache::keep_within_bound() {
  size_t bytes = 0;
  for (auto at = entries_.begin(); at != entries_.end();) {
    bytes += at->grammar->bytes() + 2 * at->key.first.size();
    if (bytes <= most_bytes_ || at == entries_.begin()) {
      ++at;
      continue;
    }
    places_.erase(at->key);
    at = entries_.erase(at);
  }
}

}  // namespace ferrum::grammar
