// Many requests at once through the public interface: each gets bit for bit what it gets alone.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "ferrum/engine.h"
#include "support/paths.h"

namespace ferrum {
namespace {

std::filesystem::path demo(const char* name) {
  return std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / (std::string(name) + ".gguf");
}

struct Answer {
  std::string text;
  std::vector<float> logprobs;
  std::optional<FinishEvent> finish;
};

struct Told {
  std::vector<Answer> answers;
  std::string error;
};

Told read(EventStream& stream, int choices) {
  Told told = {std::vector<Answer>(static_cast<size_t>(choices)), {}};
  while (const std::optional<Event> event = stream.next()) {
    if (const auto* text = std::get_if<TextEvent>(&*event))
      told.answers[static_cast<size_t>(text->choice)].text += text->text;
    else if (const auto* token = std::get_if<TokenEvent>(&*event))
      told.answers[static_cast<size_t>(token->choice)].logprobs.push_back(token->token.logprob);
    else if (const auto* finish = std::get_if<FinishEvent>(&*event))
      told.answers[static_cast<size_t>(finish->choice)].finish = *finish;
    else
      told.error = std::get<ErrorEvent>(*event).message;
  }
  return told;
}

std::vector<Request> requests() {
  const std::string shared =
      "You are a helpful assistant who answers in a few words and never loses patience.";
  const char* questions[] = {"Hello!", "What is the capital of France?", "Tell me a story about a cat.",
                             "2+3?"};
  std::vector<Request> all;
  for (size_t i = 0; i < 10; ++i) {
    Request r;
    ChatPrompt chat;
    if (i % 3 != 0) chat.messages.push_back({"system", shared});
    chat.messages.push_back({"user", questions[i % 4]});
    r.prompt = chat;
    r.sampling.seed = i;
    r.max_tokens = 10 + static_cast<int>(i) * 2;
    r.choices = i % 4 == 1 ? 3 : 1;
    r.logprobs = 0;
    all.push_back(r);
  }
  return all;
}

struct Setup {
  const char* model;
  const char* kv_dtype;
};

class Batching : public testing::TestWithParam<Setup> {};

TEST_P(Batching, EveryRequestGetsWhatItGetsAlone) {
  const EngineOptions alone = {.model = demo(GetParam().model),
                               .threads = 2,
                               .max_context = 256,
                               .prefix_cache = false,
                               .kv_dtype = GetParam().kv_dtype};
  EngineOptions together = alone;
  together.max_sequences = 6;
  together.kv_tokens = 320;  // too few for six: some are preempted
  together.batch_tokens = 24;
  together.prefix_cache = true;

  const std::vector<Request> all = requests();
  std::vector<Told> expected;
  {
    const auto engine = Engine::load(alone);
    for (const Request& r : all) expected.push_back(read(*engine->submit(r), r.choices));
  }
  const auto engine = Engine::load(together);
  std::vector<std::unique_ptr<EventStream>> streams;
  for (const Request& r : all) streams.push_back(engine->submit(r));
  for (size_t i = 0; i < all.size(); ++i) {
    const Told told = read(*streams[i], all[i].choices);
    EXPECT_EQ(told.error, "");
    for (size_t choice = 0; choice < told.answers.size(); ++choice) {
      EXPECT_EQ(told.answers[choice].text, expected[i].answers[choice].text) << i << ", " << choice;
      EXPECT_EQ(told.answers[choice].logprobs, expected[i].answers[choice].logprobs);
      ASSERT_TRUE(told.answers[choice].finish);
      EXPECT_EQ(told.answers[choice].finish->reason, expected[i].answers[choice].finish->reason);
    }
  }
  // Counts are published once the step is over, events as they come.
  while (engine->stats().finished < static_cast<int64_t>(all.size())) std::this_thread::yield();
  EXPECT_GT(engine->stats().cached_tokens, 0);
}

INSTANTIATE_TEST_SUITE_P(Models, Batching,
                         testing::Values(Setup{"demo-dense", "f16"}, Setup{"demo-dense", "int8"},
                                         Setup{"demo-moe", "f32"}),
                         [](const auto& info) {
                           std::string name = std::string(info.param.model) + "_" + info.param.kv_dtype;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class EngineQueue : public testing::Test {
 protected:
  static std::unique_ptr<Engine> load(int queue) {
    return Engine::load({.model = demo("demo-dense"), .threads = 1, .max_context = 512, .queue = queue});
  }
  static Request long_request() {
    Request r;
    r.prompt = TextPrompt{"Once upon a time"};
    r.max_tokens = 400;
    r.end_of_text = Request::EndOfText::kIgnored;
    return r;
  }
};

TEST_F(EngineQueue, B54_AFullQueueRefusesAtOnce) {
  const auto engine = load(2);
  std::vector<std::unique_ptr<EventStream>> streams;
  streams.push_back(engine->submit(long_request()));
  streams.front()->next();  // it is computed, and leaves the queue to the others
  for (int i = 0; i < 2; ++i) streams.push_back(engine->submit(long_request()));
  for (int i = 0; i < 5; ++i) {
    const auto event = engine->submit(long_request())->next();
    ASSERT_TRUE(event && std::holds_alternative<ErrorEvent>(*event));
    EXPECT_EQ(std::get<ErrorEvent>(*event).code, "queue_full");
  }
  EXPECT_EQ(engine->stats().refused, 5);
}

TEST_F(EngineQueue, ABatchTakesOnePlace) {
  const auto engine = load(2);
  const auto running = engine->submit(long_request());
  running->next();
  const auto batch = [&] { return engine->submit_batch(std::vector<Request>(8, long_request())); };
  auto first = batch();
  const auto second = batch();
  ASSERT_EQ(first.size(), 8u);
  for (const auto& stream : first) EXPECT_FALSE(stream->poll());  // accepted, and waits
  const auto third = batch();
  ASSERT_EQ(third.size(), 8u);
  for (const auto& stream : third) {
    const auto event = stream->next();
    ASSERT_TRUE(event && std::holds_alternative<ErrorEvent>(*event));
    EXPECT_EQ(std::get<ErrorEvent>(*event).code, "queue_full");
    EXPECT_TRUE(stream->over());
  }
  first.clear();  // gives its place back once the engine has dropped it
  while (true) {
    const auto again = engine->submit(long_request());
    const auto event = again->poll();
    if (!event || !std::holds_alternative<ErrorEvent>(*event)) break;
    std::this_thread::yield();
  }
}

TEST_F(EngineQueue, B49_AStreamThatIsDroppedFreesItsBlocks) {
  const auto engine = load(100);
  for (int i = 0; i < 20; ++i) {
    auto stream = engine->submit(long_request());
    if (i % 2 == 0) stream->next();
  }
  Request last = long_request();
  last.max_tokens = 1;
  read(*engine->submit(last), 1);
  while (engine->stats().finished == 0) std::this_thread::yield();
  EXPECT_EQ(engine->stats().used_blocks, 0);
  EXPECT_EQ(engine->stats().cancelled, 20);
}

// One thread reads many streams, woken by whichever has something.
TEST_F(EngineQueue, ASubscriberIsWokenForEveryStream) {
  const auto engine = load(100);
  std::mutex mutex;
  std::condition_variable_any woken;
  std::vector<size_t> ready;
  std::vector<std::unique_ptr<EventStream>> streams;
  std::vector<std::string> texts(8), wanted;
  for (size_t i = 0; i < texts.size(); ++i) {
    Request r = long_request();
    r.max_tokens = 8;
    r.sampling.seed = i;
    streams.push_back(engine->submit(r));
    wanted.push_back(read(*engine->submit(r), 1).answers[0].text);
  }
  for (size_t i = 0; i < streams.size(); ++i)
    streams[i]->subscribe([&, i] {
      const std::lock_guard lock(mutex);
      ready.push_back(i);
      woken.notify_one();
    });
  std::set<size_t> over;
  while (over.size() < streams.size()) {
    std::unique_lock lock(mutex);
    woken.wait(lock, [&] { return !ready.empty(); });
    const size_t i = ready.back();
    ready.pop_back();
    lock.unlock();
    while (const std::optional<Event> event = streams[i]->poll())
      if (const auto* text = std::get_if<TextEvent>(&*event)) texts[i] += text->text;
    if (streams[i]->over()) over.insert(i);
  }
  EXPECT_EQ(texts, wanted);
  EXPECT_FALSE(streams[0]->poll());
  EXPECT_FALSE(streams[0]->next());
}

TEST_F(EngineQueue, TheBestOfSeveralIsTheLikeliest) {
  const auto engine = load(100);
  Request r;
  r.prompt = TextPrompt{"Once upon a time"};
  r.max_tokens = 12;
  r.logprobs = 0;
  r.sampling.seed = 3;
  r.choices = 6;
  const Told all = read(*engine->submit(r), 6);
  std::vector<std::pair<double, std::string>> order;
  for (const Answer& answer : all.answers) {
    double sum = 0;
    for (const float logprob : answer.logprobs) sum += logprob;
    order.push_back({-sum / static_cast<double>(answer.logprobs.size()), answer.text});
  }
  std::sort(order.begin(), order.end());
  r.choices = 2;
  r.best_of = 6;
  const Told best = read(*engine->submit(r), 2);
  EXPECT_EQ(best.answers[0].text, order[0].second);
  EXPECT_EQ(best.answers[1].text, order[1].second);
  EXPECT_TRUE(best.answers[1].finish);
  r.best_of = 1;
  EXPECT_EQ(read(*engine->submit(r), 2).error, "best_of must be from 2 to 128, not 1");
}

TEST_F(EngineQueue, ClosingTheEngineEndsWhatIsLeft) {
  auto engine = load(100);
  const auto first = engine->submit(long_request());
  const auto second = engine->submit(long_request());
  engine.reset();
  for (const auto& stream : {first.get(), second.get()})
    EXPECT_EQ(read(*stream, 1).error, "the engine was closed");
}

// Readers hold a reference to their engine; the last one to release it closes it, with streams still open.
TEST_F(EngineQueue, B52_AskingCancellingAndUnloadingAtOnce) {
  for (int round = 0; round < 4; ++round) {
    std::shared_ptr<Engine> engine = load(100);
    std::vector<std::unique_ptr<EventStream>> left(4);
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < left.size(); ++i)
      threads.emplace_back([&, i, held = engine]() mutable {
        for (int k = 0; k < 6; ++k) {
          Request r = long_request();
          r.choices = 1 + k % 2;
          auto stream = held->submit(r);
          for (int events = static_cast<int>(i); events > 0; --events) stream->next();
          stream->cancel();
          if (k % 3 != 0) read(*stream, r.choices);
        }
        left[i] = held->submit(long_request());
        held.reset();
      });
    engine.reset();
    threads.clear();
    for (const auto& stream : left) {
      const Told told = read(*stream, 1);
      EXPECT_TRUE(told.error == "the engine was closed" || told.answers[0].finish) << told.error;
    }
  }
}

TEST_F(EngineQueue, ManyThreadsMayAskAtOnce) {
  const auto engine = load(100);
  std::vector<std::jthread> threads;
  std::vector<Told> told(4);
  for (size_t i = 0; i < told.size(); ++i)
    threads.emplace_back([&, i] {
      Request r = long_request();
      r.max_tokens = 5;
      r.sampling.temperature = 0;
      told[i] = read(*engine->submit(r), 1);
    });
  threads.clear();
  for (const Told& t : told) EXPECT_EQ(t.answers[0].text, told[0].answers[0].text);
  EXPECT_FALSE(told[0].answers[0].text.empty());
}

TEST_F(EngineQueue, B41_NumbersOutOfRangeAreRefusedWithTheRange) {
  const auto engine = load(10);
  Request r = long_request();
  r.choices = 0;
  EXPECT_NE(read(*engine->submit(r), 1).error.find("from 1 to 128"), std::string::npos);
  r = long_request();
  r.priority = 100000;
  EXPECT_NE(read(*engine->submit(r), 1).error.find("from -1000 to 1000"), std::string::npos);
  r = long_request();
  r.deadline_seconds = -1;
  EXPECT_NE(read(*engine->submit(r), 1).error.find("deadline_seconds"), std::string::npos);
}

}  // namespace
}  // namespace ferrum
