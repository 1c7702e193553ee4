#include "cache/prefix_cache.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace ferrum {
namespace {

// A 128-bit hash of parts, each preceded by its length to delimit it.
class KeyHasher {
 public:
  KeyHasher() { XXH3_128bits_reset(&state_); }

  void add(const void* data, size_t bytes) {
    const uint64_t length = bytes;
    XXH3_128bits_update(&state_, &length, sizeof length);
    XXH3_128bits_update(&state_, data, bytes);
  }
  BlockKey key() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(&state_);
    return {hash.high64, hash.low64};
  }

 private:
  XXH3_state_t state_;
};

}  // namespace

BlockKey root_key(std::string_view model, std::string_view adapter, std::string_view salt) {
  KeyHasher hasher;
  for (const std::string_view part : {model, adapter, salt}) hasher.add(part.data(), part.size());
  return hasher.key();
}

BlockKey next_key(const BlockKey& before, std::span<const TokenId> tokens) {
  KeyHasher hasher;
  hasher.add(&before, sizeof before);
  hasher.add(tokens.data(), tokens.size_bytes());
  return hasher.key();
}

PrefixCache::PrefixCache(const Options& options)
    : options_(options),
      pool_(options.blocks),
      entries_(static_cast<size_t>(options.blocks)),
      tokens_(entries_.size() * static_cast<size_t>(options.block_tokens)),
      slots_(std::bit_ceil(entries_.size()), kNone) {
  check(options.block_tokens > 0, "a block holds tokens");
  check(options.windows.size() <= kMaxWindows, "as many windows as there is room for");
  for (const WindowPages::Options& window : options.windows)
    windows_.emplace_back(window, options.blocks, options.block_tokens);
}

std::span<const TokenId> PrefixCache::tokens_of(size_t block) const {
  const auto count = static_cast<size_t>(options_.block_tokens);
  return std::span(tokens_).subspan(block * count, count);
}

std::optional<BlockId> PrefixCache::find(const BlockKey& key, const Place& place,
                                         std::span<const TokenId> tokens) const {
  for (int32_t i = slot(key); i != kNone;) {
    const auto at = static_cast<size_t>(i);
    const Entry& entry = entries_[at];
    if (entry.key == key && entry.before == place.entry && entry.root == place.root &&
        std::ranges::equal(tokens_of(at), tokens))
      return static_cast<BlockId>(i);
    i = entry.next;
  }
  return std::nullopt;
}

void PrefixCache::move_on(Place& place, BlockId block) const {
  place.key = entries_[index_of(block)].key;
  place.entry = entries_[index_of(block)].id;
}

template <class Found>
int PrefixCache::walk(Place& place, std::span<const TokenId> tokens, const Found& found) const {
  if (options_.reuse == Reuse::kOff) return 0;
  const auto size = static_cast<size_t>(options_.block_tokens);
  size_t done = 0;
  while (done + size < tokens.size()) {
    const std::span<const TokenId> next = tokens.subspan(done, size);
    const BlockKey key = options_.next_key(place.key, next);
    const std::optional<BlockId> block = find(key, place, next);
    if (!block) break;
    move_on(place, *block);
    found(*block);
    done += size;
  }
  return static_cast<int>(done);
}

class PrefixCache::Usable {
 public:
  explicit Usable(const PrefixCache& cache) : cache_(cache) {}
  // After blocks that a sequence holds with these pages.
  Usable(const PrefixCache& cache, size_t held, const PageLists& pages)
      : cache_(cache), seen_(static_cast<int>(held)), blocks_(seen_) {
    for (size_t w = 0; w < cache.windows_.size(); ++w)
      while (runs_[w] < seen_ && pages[w][held - 1 - static_cast<size_t>(runs_[w])] != kNoBlock) ++runs_[w];
  }

  void add(BlockId block) {
    ++seen_;
    bool all_there = true;
    for (size_t w = 0; w < cache_.windows_.size(); ++w) {
      const WindowPages& window = cache_.windows_[w];
      runs_[w] = window.of(block) == kNoBlock ? 0 : runs_[w] + 1;
      all_there = all_there && runs_[w] >= seen_ - window.first_seen(seen_);
    }
    if (all_there) blocks_ = seen_;
  }
  int blocks() const { return blocks_; }

 private:
  const PrefixCache& cache_;
  std::array<int, kMaxWindows> runs_{};  // of blocks that have a page, up to the last
  int seen_ = 0;
  int blocks_ = 0;
};

PrefixCache::Prefix PrefixCache::probe(const BlockKey& root, std::span<const TokenId> tokens) const {
  Place place(root);
  Prefix prefix;
  Usable usable(*this);
  int in_use = 0;
  walk(place, tokens, [&](BlockId block) {
    in_use += pool_.references(block) > 0;
    usable.add(block);
    ++prefix.blocks;
    if (usable.blocks() == prefix.blocks)
      prefix = {.tokens = prefix.blocks * options_.block_tokens, .in_use = in_use, .blocks = prefix.blocks};
  });
  return prefix;
}

int PrefixCache::match(Place& place, std::span<const TokenId> tokens, std::vector<BlockId>& blocks,
                       PageLists& pages, Windows windows) {
  const size_t held = blocks.size();
  const Place start = place;
  Usable usable(*this, held, pages);
  walk(place, tokens, [&](BlockId block) {
    usable.add(block);
    blocks.push_back(block);
  });
  const size_t total = windows == Windows::kIgnored ? blocks.size() : static_cast<size_t>(usable.blocks());
  blocks.resize(total);
  place = start;
  if (total > held) move_on(place, blocks.back());
  for (size_t i = held; i < total; ++i) pool_.share(blocks[i]);
  for (size_t w = 0; w < windows_.size(); ++w) {
    const auto first = static_cast<size_t>(windows_[w].first_seen(static_cast<int>(total)));
    for (size_t i = held; i < total; ++i) {
      const BlockId page = i < first ? kNoBlock : windows_[w].of(blocks[i]);
      if (page != kNoBlock) windows_[w].share(page);
      pages[w].push_back(page);
    }
  }
  return static_cast<int>(total - held) * options_.block_tokens;
}

BlockId PrefixCache::add(Place& place, BlockId block, std::span<const TokenId> tokens, Pages& pages) {
  check_equal(static_cast<int>(tokens.size()), options_.block_tokens, "tokens of a full block");
  if (options_.reuse == Reuse::kOff) return block;
  Entry& entry = entries_[index_of(block)];
  check(entry.id == 0, "a block is added once");
  const BlockKey key = options_.next_key(place.key, tokens);
  BlockId known = block;
  if (const std::optional<BlockId> same = find(key, place, tokens)) {
    pool_.share(*same);
    pool_.release(block);
    known = *same;
  } else {
    entry = {.root = place.root, .key = key, .id = ++last_id_, .before = place.entry};
    std::ranges::copy(tokens, tokens_.begin() + static_cast<ptrdiff_t>(index_of(block) * tokens.size()));
    insert(block);
    pool_.keep(block);
  }
  move_on(place, known);
  for (size_t w = 0; w < windows_.size(); ++w) {
    if (pages[w] == kNoBlock) continue;
    if (const BlockId attached = windows_[w].of(known); attached != kNoBlock) {
      windows_[w].share(attached);
      windows_[w].release(pages[w]);
      pages[w] = attached;
    } else {
      windows_[w].attach(known, pages[w]);
    }
  }
  return known;
}

std::optional<BlockId> PrefixCache::take() {
  const std::optional<BlockPool::Taken> taken = pool_.take();
  if (!taken) return std::nullopt;
  if (taken->was_idle) erase(taken->id);
  return taken->id;
}

void PrefixCache::clear() {
  for (size_t i = 0; i < entries_.size(); ++i) forget(static_cast<BlockId>(i));
}

void PrefixCache::forget(BlockId block) {
  if (entries_[index_of(block)].id == 0) return;
  erase(block);
  pool_.drop(block);
}

void PrefixCache::insert(BlockId block) {
  int32_t& first = slot(entries_[index_of(block)].key);
  entries_[index_of(block)].next = first;
  first = static_cast<int32_t>(block);
}

void PrefixCache::erase(BlockId block) {
  Entry& entry = entries_[index_of(block)];
  int32_t* link = &slot(entry.key);
  while (*link != static_cast<int32_t>(block)) link = &entries_[static_cast<size_t>(*link)].next;
  *link = entry.next;
  entry.id = 0;
  for (WindowPages& window : windows_) window.detach(block);
}

}  // namespace ferrum
