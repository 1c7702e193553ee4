#include "engine/kv_store.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "cache/block_table.h"
#include "checkpoint/fingerprint.h"
#include "models/rope.h"

namespace ferrum {
namespace {

int blocks_per_visit(const KvStore& store, size_t block_bytes) {
  return static_cast<int>(std::max<size_t>(1, store.visit_bytes / std::max<size_t>(1, block_bytes)));
}

// The cache keeps the last token of what is looked for out of its answer; one more, and whole blocks of
// `tokens` all count.
std::vector<TokenId> with_one_more(std::span<const TokenId> tokens) {
  std::vector<TokenId> more(tokens.begin(), tokens.end());
  more.push_back(0);
  return more;
}

Hash128 rotation_of(const ModelDescription& model, int context) {
  Hasher128 hasher;
  for (const RopeDescription* rope : {&model.rope, &model.window_rope}) {
    if (rope == &model.window_rope && model.window() == 0) continue;
    const RopeFrequencies frequencies = rope_frequencies(*rope, context);
    hasher.add(std::as_bytes(std::span(frequencies.radians)));
    hasher.add_value(frequencies.magnitude);
  }
  return hasher.hash();
}

std::vector<KvOrigin::Window> windows_of(const Runner& runner) {
  std::vector<KvOrigin::Window> windows;
  for (const KvWindow& window : runner.kv().windows)
    windows.push_back({window.window, runner.model().block_bytes(static_cast<int>(windows.size()) + 1)});
  if (runner.model().block_bytes(runner.kv().groups()) > 0)
    windows.push_back({WindowPages::kState, runner.model().block_bytes(runner.kv().groups())});
  return windows;
}

size_t record_bytes(const KvOrigin& origin) {
  size_t bytes = origin.block_bytes;
  for (const KvOrigin::Window& window : origin.windows) bytes += window.page_bytes;
  return bytes;
}

// A block as a session file has it.
struct Record {
  uint32_t pages = 0;
  std::vector<std::byte> contents;
};

void read_record(Runner& runner, const KvOrigin& origin, const BlockTable& table, size_t block,
                 Record& record) {
  const auto append = [&](int group, BlockId from, size_t bytes) {
    const size_t before = record.contents.size();
    record.contents.resize(before + bytes);
    runner.model().read_block(group, static_cast<int>(from), std::span(record.contents).subspan(before));
  };
  record.pages = 0;
  record.contents.clear();
  append(0, table.blocks()[block], origin.block_bytes);
  for (size_t w = 0; w < origin.windows.size(); ++w) {
    const BlockId page = table.pages()[w][block];
    if (page == kNoBlock) continue;
    record.pages |= uint32_t{1} << w;
    append(static_cast<int>(w) + 1, page, origin.windows[w].page_bytes);
  }
}

// Gives a cached block the pages that it lacks and the file has; how many these were.
int restore_pages(const KvStore& store, const SessionFile& file, int block, BlockId id) {
  int restored = 0;
  const std::span<WindowPages> windows = store.cache.windows();
  for (size_t w = 0; w < windows.size(); ++w) {
    const std::span<const std::byte> contents = file.page(block, w);
    if (contents.empty() || windows[w].of(id) != kNoBlock) continue;
    const std::optional<BlockId> page = windows[w].take();
    if (!page) continue;
    store.runner.model().write_block(static_cast<int>(w) + 1, static_cast<int>(*page), contents);
    windows[w].attach(id, *page);
    windows[w].release(*page);
    ++restored;
  }
  return restored;
}

}  // namespace

KvOrigin origin_of(const Runner& runner, const std::string& arithmetic) {
  const ModelDescription& model = runner.checkpoint().model();
  const RunnerOptions& options = runner.options();
  const AttentionDescription& heads = model.first_attention();
  return {.model = model.name,
          .fingerprint = fingerprint(runner.checkpoint()),
          .context = options.max_context,
          .rotation = rotation_of(model, options.max_context),
          .arithmetic = arithmetic,
          .dtype = std::string(name_of(options.kv_dtype)),
          .layers = model.depth_with_mtp(),
          .kv_heads = heads.kv_heads,
          .head_dim = heads.head_dim,
          .block_tokens = options.block_tokens,
          .block_bytes = runner.model().block_bytes(0),
          .windows = windows_of(runner)};
}

SavedSession save_session(const KvStore& store, std::span<const TokenId> prompt, const SessionHeader& header,
                          const std::filesystem::path& path) {
  const auto block_tokens = static_cast<size_t>(header.origin.block_tokens);
  const KvOrigin& origin = header.origin;
  const BlockKey root = cache_root(header.cache_salt);
  const std::vector<TokenId> wanted = with_one_more(prompt);

  int expected = 0;
  store.visit([&] { expected = store.cache.probe(root, wanted).tokens; });
  SessionWriter writer(path, header, static_cast<uint64_t>(expected) / block_tokens);

  std::vector<Record> records(static_cast<size_t>(
      std::min(blocks_per_visit(store, record_bytes(origin)), expected / origin.block_tokens)));
  size_t saved = 0;  // blocks
  while (true) {
    size_t read = 0;
    store.visit([&] {
      BlockTable table(store.cache, root);
      table.match(wanted);
      for (; saved + read < table.blocks().size() && read < records.size(); ++read)
        read_record(store.runner, origin, table, saved + read, records[read]);
    });
    if (read == 0) break;
    for (size_t i = 0; i < read; ++i, ++saved)
      writer.add(prompt.subspan(saved * block_tokens, block_tokens), records[i].pages, records[i].contents);
  }
  writer.finish();
  return {.tokens = static_cast<int>(prompt.size()),
          .saved_tokens = static_cast<int>(saved * block_tokens),
          .bytes = writer.bytes()};
}

LoadedSession load_session(const KvStore& store, const SessionFile& file, const std::filesystem::path& path) {
  const SessionHeader& header = file.header();
  const int block_tokens = header.origin.block_tokens;
  const BlockKey root = cache_root(header.cache_salt);
  const std::vector<TokenId> tokens = file.tokens();
  const int vocab = store.runner.checkpoint().model().vocab;
  for (const TokenId id : tokens)
    if (id < 0 || id >= vocab)
      fail(ErrorCode::kBadFile, "{}: has the token {}, and the model's are 0 to {}", in_quotes(path.string()),
           id, vocab - 1);

  const std::vector<TokenId> wanted = with_one_more(tokens);
  const int per_visit = blocks_per_visit(store, record_bytes(header.origin));
  const size_t windows = store.cache.windows().size();
  std::vector<BlockCopy> copies;
  PrefixCache::Prefix cached;
  int restored = 0;  // pages, by one visit
  // Adds some blocks after those that the cache has, and pages that its blocks lack.
  const auto put_some = [&] {
    restored = 0;
    {
      BlockTable table(store.cache, root);
      int block = table.match(wanted, PrefixCache::Windows::kIgnored) / block_tokens;
      for (int i = 0; i < block && restored < per_visit; ++i)
        restored += restore_pages(store, file, i, table.blocks()[static_cast<size_t>(i)]);
      for (const int end = std::min(block + per_visit - restored, file.blocks()); block < end; ++block) {
        if (!table.reserve(block * block_tokens, (block + 1) * block_tokens, copies)) break;
        check(copies.empty(), "a new block has nothing to be copied");
        for (size_t w = 0; w < windows; ++w) table.drop_page(w, block);
        store.runner.model().write_block(0, static_cast<int>(table.blocks().back()), file.contents(block));
        if (!file.intact())
          fail(ErrorCode::kBadFile, "{}: was cut while it was read", in_quotes(path.string()));
        table.fill(tokens, (block + 1) * block_tokens);
        restored += restore_pages(store, file, block, table.blocks().back());
      }
    }
    cached = store.cache.probe(root, wanted);
  };
  // Pages may evict each other, so that a visit can always restore some: they count once.
  int pages_left = file.blocks() * static_cast<int>(windows);
  bool goes_on = file.blocks() > 0;
  while (goes_on) {
    const int before = cached.blocks;
    store.visit(put_some);
    pages_left -= restored;
    goes_on = (restored > 0 && pages_left > 0) || (cached.blocks > before && cached.blocks < file.blocks());
  }
  return {.tokens = static_cast<int>(tokens.size()),
          .cached_tokens = cached.tokens,
          .cache_salt = header.cache_salt,
          .application_data = header.application_data};
}

}  // namespace ferrum
