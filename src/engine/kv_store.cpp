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

}  // namespace

KvOrigin origin_of(const Runner& runner, const std::string& arithmetic) {
  const ModelDescription& model = runner.checkpoint().model();
  const RunnerOptions& options = runner.options();
  return {.model = model.name,
          .fingerprint = fingerprint(runner.checkpoint()),
          .context = options.max_context,
          .rotation = rotation_of(model, options.max_context),
          .arithmetic = arithmetic,
          .dtype = std::string(name_of(options.kv_dtype)),
          .layers = model.depth(),
          .kv_heads = model.layers.front().attention.kv_heads,
          .head_dim = model.layers.front().attention.head_dim,
          .block_tokens = options.block_tokens,
          .block_bytes = runner.block_bytes()};
}

SavedSession save_session(const KvStore& store, std::span<const TokenId> prompt, const SessionHeader& header,
                          const std::filesystem::path& path) {
  const auto block_tokens = static_cast<size_t>(header.origin.block_tokens);
  const size_t block_bytes = header.origin.block_bytes;
  const BlockKey root = cache_root(header.cache_salt);
  const std::vector<TokenId> wanted = with_one_more(prompt);

  int expected = 0;
  store.visit([&] { expected = store.cache.probe(root, wanted).tokens; });
  SessionWriter writer(path, header, static_cast<uint64_t>(expected) / block_tokens);

  const int per_visit = std::min(blocks_per_visit(store, block_bytes), expected / header.origin.block_tokens);
  std::vector<std::byte> contents(static_cast<size_t>(per_visit) * block_bytes);
  size_t saved = 0;  // blocks
  while (true) {
    size_t read = 0;
    store.visit([&] {
      BlockTable table(store.cache, root);
      table.match(wanted);
      const std::span<const BlockId> blocks = table.blocks();
      for (; saved + read < blocks.size() && (read + 1) * block_bytes <= contents.size(); ++read)
        store.runner.read_block(blocks[saved + read],
                                std::span(contents).subspan(read * block_bytes, block_bytes));
    });
    if (read == 0) break;
    for (size_t i = 0; i < read; ++i, ++saved)
      writer.add(prompt.subspan(saved * block_tokens, block_tokens),
                 std::span(contents).subspan(i * block_bytes, block_bytes));
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
  const int per_visit = blocks_per_visit(store, header.origin.block_bytes);
  std::vector<BlockCopy> copies;
  // Puts some blocks after those that the cache has; how many tokens it has then.
  const auto put_some = [&] {
    {
      BlockTable table(store.cache, root);
      int block = table.match(wanted) / block_tokens;
      for (const int end = std::min(block + per_visit, file.blocks()); block < end; ++block) {
        if (!table.reserve(block * block_tokens, (block + 1) * block_tokens, copies)) break;
        check(copies.empty(), "a new block has nothing to be copied");
        store.runner.write_block(table.blocks().back(), file.contents(block));
        if (!file.intact())
          fail(ErrorCode::kBadFile, "{}: was cut while it was read", in_quotes(path.string()));
        table.fill(tokens, (block + 1) * block_tokens);
      }
    }
    return store.cache.probe(root, wanted).tokens;
  };
  int cached = 0;
  for (int before = -1; cached > before && cached < static_cast<int>(tokens.size());) {
    before = cached;
    store.visit([&] { cached = put_some(); });
  }
  return {.tokens = static_cast<int>(tokens.size()),
          .cached_tokens = cached,
          .cache_salt = header.cache_salt,
          .application_data = header.application_data};
}

}  // namespace ferrum
