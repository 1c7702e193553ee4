#include "server/model_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <set>
#include <thread>

#include "base/error.h"
#include "server/api/api_error.h"
#include "server/fake_engine.h"

namespace ferrum::server {
namespace {

using test::FakeEngine;

constexpr uint64_t kBytes = 6;  // of a fake engine

// Gets a model and waits for it.
std::shared_ptr<Engine> get(ModelPool& pool, const std::string& name) {
  std::promise<std::shared_ptr<Engine>> done;
  pool.get(name, [&](std::exception_ptr error, std::shared_ptr<Engine> engine) {
    if (error)
      done.set_exception(error);
    else
      done.set_value(std::move(engine));
  });
  return done.get_future().get();
}

struct Counted {
  std::atomic<int> loads = 0;
  ModelPool::Load load() {
    return [this](const ModelPool::Permission& permission) {
      permission.reserve(kBytes);
      ++loads;
      return std::make_shared<FakeEngine>();
    };
  }
};

bool is_loaded(const ModelPool& pool, const std::string& name) {
  for (const ModelPool::Entry& entry : pool.all())
    if (entry.name == name) return entry.engine != nullptr;
  return false;
}

TEST(ModelPool, AModelIsLoadedOnItsFirstRequestAndOnce) {
  ModelPool pool({});
  Counted counted;
  pool.add("a", counted.load());
  EXPECT_FALSE(is_loaded(pool, "a"));
  const auto first = get(pool, "a");
  EXPECT_EQ(get(pool, "a"), first);
  EXPECT_EQ(counted.loads, 1);
  EXPECT_EQ(pool.first(), "a");
}

TEST(ModelPool, ThoseWhoAskMeanwhileWaitForTheSame) {
  std::promise<void> may_end;
  ModelPool pool({});
  std::atomic<int> loads = 0;
  pool.add("slow", [&, end = may_end.get_future().share()](const ModelPool::Permission&) {
    ++loads;
    end.wait();
    return std::make_shared<FakeEngine>();
  });
  std::vector<std::future<std::shared_ptr<Engine>>> all;
  for (int i = 0; i < 5; ++i)
    all.push_back(std::async(std::launch::async, [&] { return get(pool, "slow"); }));
  may_end.set_value();
  std::set<Engine*> engines;
  for (auto& engine : all) engines.insert(engine.get().get());
  EXPECT_EQ(engines.size(), 1u);
  EXPECT_EQ(loads, 1);
}

TEST(ModelPool, TheLeastRecentlyUsedMakesRoom) {
  ModelPool pool({.max_bytes = 2 * kBytes});
  Counted a, b, c;
  pool.add("a", a.load());
  pool.add("b", b.load());
  pool.add("c", c.load());
  get(pool, "a");
  get(pool, "b");
  get(pool, "a");
  get(pool, "c");
  EXPECT_TRUE(is_loaded(pool, "a"));
  EXPECT_FALSE(is_loaded(pool, "b"));
  get(pool, "b");
  EXPECT_EQ(b.loads, 2);
}

TEST(ModelPool, OneInUseIsNotUnloaded) {
  ModelPool pool({.max_bytes = kBytes});
  Counted a, b;
  pool.add("a", a.load());
  pool.add("b", b.load());
  auto used = get(pool, "a");
  try {
    get(pool, "b");
    ADD_FAILURE() << "there is no room";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNoMemory);
    EXPECT_NE(std::string(e.what()).find("6 B"), std::string::npos) << e.what();
  }
  EXPECT_TRUE(is_loaded(pool, "a"));
  used.reset();
  get(pool, "b");
  EXPECT_FALSE(is_loaded(pool, "a"));
}

TEST(ModelPool, WhatTheMachineLacksIsMadeRoomForAsWell) {
  ModelPool pool({});
  Counted a;
  pool.add("a", a.load());
  get(pool, "a");
  int tries = 0;
  pool.add("b", [&](const ModelPool::Permission&) -> std::shared_ptr<Engine> {
    if (++tries == 1) fail(ErrorCode::kNoMemory, "it does not fit");
    return std::make_shared<FakeEngine>();
  });
  get(pool, "b");
  EXPECT_EQ(tries, 2);
  EXPECT_FALSE(is_loaded(pool, "a"));
}

TEST(ModelPool, NoModelIsUnloadedForOneThatCannotFit) {
  ModelPool pool({.max_bytes = kBytes});
  Counted counted;
  pool.add("a", counted.load());
  pool.add("large", [](const ModelPool::Permission& permission) {
    permission.reserve(kBytes + 1);
    return std::make_shared<FakeEngine>();
  });
  get(pool, "a").reset();
  try {
    get(pool, "large");
    ADD_FAILURE() << "it was loaded";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "it needs 7 B, and all models together may take 6 B");
  }
  EXPECT_TRUE(is_loaded(pool, "a"));
}

TEST(ModelPool, OneThatStaysStays) {
  ModelPool pool({.max_bytes = kBytes});
  Counted b;
  pool.add("a", std::make_shared<FakeEngine>());
  pool.add("b", b.load());
  EXPECT_THROW(get(pool, "b"), Error);
  EXPECT_TRUE(is_loaded(pool, "a"));
}

TEST(ModelPool, AFailureIsReportedAndTheNextTriesAgain) {
  ModelPool pool({});
  int tries = 0;
  pool.add("a", [&](const ModelPool::Permission&) -> std::shared_ptr<Engine> {
    if (++tries == 1) fail(ErrorCode::kBadFile, "cut off");
    return std::make_shared<FakeEngine>();
  });
  EXPECT_THROW(get(pool, "a"), ApiError);
  EXPECT_TRUE(get(pool, "a"));
}

TEST(ModelPool, AliasesNameTheSameModel) {
  ModelPool pool({});
  const auto engine = std::make_shared<FakeEngine>();
  pool.add("a", engine);
  pool.add_alias("gpt-4o", "a");
  EXPECT_EQ(get(pool, "gpt-4o"), engine);
  EXPECT_EQ(pool.entry("gpt-4o").name, "gpt-4o");
  EXPECT_EQ(pool.entry("gpt-4o").engine, engine);
  ASSERT_EQ(pool.all().size(), 1u);
  EXPECT_EQ(pool.all()[0].aliases, std::vector<std::string>{"gpt-4o"});
  for (const char* taken : {"a", "gpt-4o", ""}) EXPECT_THROW(pool.add_alias(taken, "a"), Error) << taken;
  const auto other = std::make_shared<FakeEngine>();
  pool.add("a", other);
  EXPECT_EQ(get(pool, "gpt-4o"), other);
}

TEST(ModelPool, UnknownNamesAreRefusedWithTheKnownOnes) {
  ModelPool pool({});
  EXPECT_THROW(get(pool, "a"), ApiError) << "nothing yet";
  pool.add("a", std::make_shared<FakeEngine>());
  try {
    get(pool, "b");
    ADD_FAILURE();
  } catch (const ApiError& e) {
    EXPECT_EQ(e.status(), 404);
    EXPECT_NE(std::string(e.what()).find("'a'"), std::string::npos);
  }
}

// Fault B52, here: the pool goes while a model is being loaded and others wait for it.
TEST(ModelPoolFaults, B52_ClosingFailsWaitingRequests) {
  std::promise<void> began;
  std::optional<ModelPool> pool(std::in_place, ModelPool::Options{});
  pool->add("a", [&](const ModelPool::Permission& permission) -> std::shared_ptr<Engine> {
    began.set_value();
    while (true) {
      permission.check();
      std::this_thread::yield();
    }
  });
  pool->add("b", [](const ModelPool::Permission&) { return std::make_shared<FakeEngine>(); });
  std::vector<std::string> told;
  const auto tell = [&](std::exception_ptr error, std::shared_ptr<Engine> engine) {
    EXPECT_FALSE(engine);
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      told.emplace_back(e.what());
    }
  };
  pool->get("a", tell);
  began.get_future().wait();
  pool->get("b", tell);
  pool.reset();
  EXPECT_EQ(told, (std::vector<std::string>{"the server is stopping", "the server is stopping"}));
}

TEST(ModelPool, UnusedModelsAreUnloaded) {
  ModelPool pool({.idle = std::chrono::milliseconds(1)});
  Counted a;
  pool.add("a", a.load());
  std::weak_ptr<Engine> engine = get(pool, "a");
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!engine.expired() && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  EXPECT_TRUE(engine.expired());
  get(pool, "a");
  EXPECT_EQ(a.loads, 2);
}

}  // namespace
}  // namespace ferrum::server
