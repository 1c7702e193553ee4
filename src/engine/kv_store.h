// What a conversation has computed, kept in a file and put back: blocks of the prefix cache with their
// contents.
//
// Blocks are read and written on the engine's thread in visits of a few milliseconds between its steps; files
// are written, read and checked on the caller's. No visit leaves a block in use, so that running sequences
// never lack one: what is evicted between two visits is looked for again, and missed.
#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "cache/prefix_cache.h"
#include "cache/session_file.h"
#include "engine/runner.h"
#include "ferrum/engine.h"

namespace ferrum {

struct KvStore {
  Runner& runner;  // touched in visits only, as the cache is
  PrefixCache& cache;
  // Runs the function on the engine's thread and waits for it; throws what that throws.
  std::function<void(FunctionRef<void()>)> visit;
  size_t visit_bytes = size_t{16} << 20;  // of blocks in one visit: a few milliseconds
};

// The root of a cache that serves one model, and goes with it.
inline BlockKey cache_root(std::string_view salt) { return root_key("", "", salt); }

// Reads much of the checkpoint's file. Errors as fingerprint().
KvOrigin origin_of(const Runner& runner, const std::string& arithmetic);

// Errors as SessionWriter.
SavedSession save_session(const KvStore& store, std::span<const TokenId> prompt, const SessionHeader& header,
                          const std::filesystem::path& path);

// The file, whose origin is that of the store, goes by `path` in messages. Error kBadFile: ids that the model
// lacks, which changes nothing; or the file was cut meanwhile, whose remaining blocks are then not found.
LoadedSession load_session(const KvStore& store, const SessionFile& file, const std::filesystem::path& path);

}  // namespace ferrum
