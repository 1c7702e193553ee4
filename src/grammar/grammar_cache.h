// Grammars compiled before, by what they were compiled from.
#pragma once
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "grammar/refusal.h"
#include "grammar/token_matcher.h"

namespace ferrum::grammar {

// Thread-safe. Those used last are kept within a bound in bytes; what a caller holds lives on beside them.
class GrammarCache {
 public:
  explicit GrammarCache(size_t most_bytes = size_t{256} << 20) : most_bytes_(most_bytes) {}

  // Compiled on the caller's thread where it is not there. Refusal: as Grammar::compile; what was refused is
  // remembered as well.
  std::shared_ptr<const TokenGrammar> get(const Spec& spec,
                                          const std::shared_ptr<const Vocabulary>& vocabulary);
  size_t size() const;

 private:
  using Key = std::pair<std::string, const Vocabulary*>;
  struct Entry {
    Key key;
    std::shared_ptr<const TokenGrammar> grammar;  // null: it was refused
    std::optional<Refusal> refusal;

    size_t bytes() const;
    const std::shared_ptr<const TokenGrammar>& get() const;
  };
  std::shared_ptr<const TokenGrammar> keep(Entry entry);
  void keep_within_bound();

  const size_t most_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the one used last comes first
  std::map<Key, std::list<Entry>::iterator> places_;
};

}  // namespace ferrum::grammar
