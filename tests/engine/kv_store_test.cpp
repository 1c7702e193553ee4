// Saving and restoring in many visits, between which the cache may change arbitrarily.
#include "engine/kv_store.h"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/backend_factory.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

constexpr int kBlockTokens = 16;
constexpr int kVocab = 10;

std::vector<TokenId> prompt_of(int blocks) {
  std::vector<TokenId> tokens(static_cast<size_t>(blocks * kBlockTokens));
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<TokenId>(i * i % kVocab);
  return tokens;
}

// A model and a cache with this many blocks, without an engine.
class Place {
 public:
  explicit Place(int blocks, DType kv_dtype = DType::kF16)
      : runner_(
            make_backend({.name = "reference"}), Checkpoint::open(folder_.write("m.gguf", model())),
            {.max_tokens = 16, .max_context = 16, .kv_tokens = blocks * kBlockTokens, .kv_dtype = kv_dtype}),
        cache_({.blocks = blocks, .block_tokens = kBlockTokens}) {}

  // Its visits: one block each; `before` is called before each with its number.
  KvStore store(std::function<void(int)> before = {}) {
    return {runner_, cache_,
            [this, before, count = 0](FunctionRef<void()> work) mutable {
              if (before) before(count++);
              work();
              EXPECT_EQ(cache_.pool().used(), 0) << "no visit keeps a block";
            },
            1};
  }

  // As if the tokens had been computed: each block has contents of its own.
  void compute(std::span<const TokenId> tokens) {
    BlockTable table(cache_, cache_root(""));
    std::vector<BlockCopy> copies;
    const auto count = static_cast<int>(tokens.size());
    ASSERT_TRUE(table.reserve(0, count, copies));
    for (size_t i = 0; i < table.blocks().size(); ++i)
      runner_.model().write_block(
          0, static_cast<int>(table.blocks()[i]),
          std::vector<std::byte>(runner_.model().block_bytes(0), std::byte((i + 1) % 251)));
    table.fill(tokens, count);
  }
  // The blocks that the cache has of the tokens have these contents; how many they are.
  int found(std::vector<TokenId> tokens) {
    tokens.push_back(0);
    BlockTable table(cache_, cache_root(""));
    const int count = table.match(tokens) / kBlockTokens;
    for (size_t i = 0; i < table.blocks().size(); ++i) {
      std::vector<std::byte> contents(runner_.model().block_bytes(0));
      runner_.model().read_block(0, static_cast<int>(table.blocks()[i]), contents);
      EXPECT_EQ(contents, std::vector<std::byte>(contents.size(), std::byte((i + 1) % 251)));
    }
    return count;
  }
  SessionHeader header() { return {origin_of(runner_, "reference"), "", ""}; }
  PrefixCache& cache() { return cache_; }
  Runner& runner() { return runner_; }

 private:
  static std::string model() {
    test::SmallGguf model;
    model.set("context_length", 4096);
    return model.build();
  }

  test::TemporaryFolder folder_;
  Runner runner_;
  PrefixCache cache_;
};

class KvStoreTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "s";
  const std::vector<TokenId> prompt_ = prompt_of(5);
};

TEST_F(KvStoreTest, BlockByBlockAndBack) {
  for (const DType type : {DType::kF16, DType::kI8, DType::kF32}) {
    Place from(8, type);
    from.compute(prompt_);
    int visits = 0;
    const SavedSession saved =
        save_session(from.store([&](int i) { visits = i + 1; }), prompt_, from.header(), file_);
    EXPECT_EQ(saved.saved_tokens, 80);
    EXPECT_EQ(visits, 1 + 5 + 1) << "to count, for each block, to see that there are no more";
    EXPECT_EQ(from.cache().pool().idle(), 5);

    Place to(8, type);
    const LoadedSession loaded =
        load_session(to.store([&](int i) { visits = i + 1; }), SessionFile::open(file_), file_);
    EXPECT_EQ(loaded.cached_tokens, 80);
    EXPECT_EQ(visits, 5);
    EXPECT_EQ(to.found(prompt_), 5);
    EXPECT_EQ(to.cache().pool().idle(), 5);
    EXPECT_EQ(to.cache().pool().free(), 3);
  }
}

TEST_F(KvStoreTest, BlocksEvictedWhileSavingAreSkipped) {
  Place from(8);
  from.compute(prompt_);
  const SavedSession saved = save_session(from.store([&](int i) {
    if (i == 3) from.cache().clear();
  }),
                                          prompt_, from.header(), file_);
  EXPECT_EQ(saved.saved_tokens, 32);
  Place to(8);
  load_session(to.store(), SessionFile::open(file_), file_);
  EXPECT_EQ(to.found(prompt_), 2);
}

TEST_F(KvStoreTest, WhatIsEvictedWhileItIsLoadedIsNotFound) {
  Place from(8);
  from.compute(prompt_);
  save_session(from.store(), prompt_, from.header(), file_);
  Place to(8);
  const LoadedSession loaded = load_session(to.store([&](int i) {
    if (i == 3) to.cache().clear();
  }),
                                            SessionFile::open(file_), file_);
  EXPECT_LT(loaded.cached_tokens, 80);
  EXPECT_EQ(loaded.cached_tokens, to.found(prompt_) * kBlockTokens);
}

TEST_F(KvStoreTest, OthersGiveWayButNotThoseInUse) {
  Place from(8);
  from.compute(prompt_);
  save_session(from.store(), prompt_, from.header(), file_);

  Place to(6);
  to.compute(std::vector<TokenId>(3 * kBlockTokens, 7));
  const auto in_use = to.cache().take();  // one of two that are left
  const LoadedSession loaded = [&] {
    KvStore store = to.store();
    store.visit = [](FunctionRef<void()> work) { work(); };
    return load_session(store, SessionFile::open(file_), file_);
  }();
  EXPECT_EQ(loaded.cached_tokens, 80);
  EXPECT_EQ(to.found(prompt_), 5);
  EXPECT_EQ(to.cache().pool().idle(), 5);
  to.cache().release(*in_use);

  Place small(4);
  EXPECT_EQ(load_session(small.store(), SessionFile::open(file_), file_).cached_tokens, 64);
  EXPECT_EQ(small.found(prompt_), 4);
}

TEST_F(KvStoreTest, WhatTheCacheHasIsNotWrittenAgain) {
  Place from(8);
  from.compute(prompt_);
  save_session(from.store(), prompt_, from.header(), file_);
  Place to(8);
  to.compute(std::span(prompt_).first(3 * kBlockTokens));
  int visits = 0;
  load_session(to.store([&](int) { ++visits; }), SessionFile::open(file_), file_);
  EXPECT_EQ(visits, 2);
  EXPECT_EQ(to.found(prompt_), 5);
}

TEST_F(KvStoreTest, B25_IdsThatTheModelLacks) {
  Place place(8);
  for (const TokenId id : {-1, kVocab}) {
    SessionWriter writer(file_, place.header(), 1);
    std::vector<TokenId> tokens(kBlockTokens, 1);
    writer.add(tokens, 0, std::vector<std::byte>(place.runner().model().block_bytes(0)));
    tokens[3] = id;
    writer.add(tokens, 0, std::vector<std::byte>(place.runner().model().block_bytes(0)));
    writer.finish();
    test::expect_error(ErrorCode::kBadFile, {file_.string(), "the model's are 0 to 9"},
                       [&] { load_session(place.store(), SessionFile::open(file_), file_); });
    EXPECT_EQ(place.cache().pool().idle(), 0);
  }
}

TEST_F(KvStoreTest, B25_CutWhileItIsRead) {
  Place from(600, DType::kF32);
  const std::vector<TokenId> prompt = prompt_of(500);
  from.compute(prompt);
  save_session(from.store(), prompt, from.header(), file_);
  ASSERT_GT(std::filesystem::file_size(file_), 100'000u);
  Place to(600, DType::kF32);
  const SessionFile file = SessionFile::open(file_);
  std::filesystem::resize_file(file_, 40'000);
  test::expect_error(ErrorCode::kBadFile, {file_.string(), "was cut while it was read"},
                     [&] { load_session(to.store(), file, file_); });
  EXPECT_LT(to.found(prompt), 500) << "and what is found is right";
  EXPECT_EQ(to.cache().pool().used(), 0);
}

}  // namespace
}  // namespace ferrum
