// Sessions through the public interface: restored keys and values work like computed ones.
#include <gtest/gtest.h>

#include <thread>

#include "ferrum/engine.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

std::filesystem::path demo(const char* name) {
  return std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / (std::string(name) + ".gguf");
}

struct Told {
  std::string text;
  std::vector<float> logprobs;  // of each token and of what else was likely
  Usage usage;
  std::string error;
};

Told read(EventStream& stream) {
  Told told;
  while (const std::optional<Event> event = stream.next()) {
    if (const auto* text = std::get_if<TextEvent>(&*event)) {
      told.text += text->text;
    } else if (const auto* token = std::get_if<TokenEvent>(&*event)) {
      told.logprobs.push_back(token->token.logprob);
      for (const TokenChance& chance : token->top) told.logprobs.push_back(chance.logprob);
    } else if (const auto* finish = std::get_if<FinishEvent>(&*event)) {
      told.usage = finish->usage;
    } else {
      told.error = std::get<ErrorEvent>(*event).message;
    }
  }
  EXPECT_EQ(told.error, "");
  return told;
}

Request asking(ChatPrompt chat, int max_tokens = 40) {
  Request r;
  r.prompt = std::move(chat);
  r.sampling.seed = 5;
  r.max_tokens = max_tokens;
  r.logprobs = 3;
  return r;
}

Told ask(Engine& engine, const Request& request) { return read(*engine.submit(request)); }

// The same answer, to the last bit.
void expect_same(const Told& a, const Told& b) {
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.logprobs, b.logprobs);
}

// A conversation of one turn in an engine, and the second turn to come.
struct Talk {
  explicit Talk(Engine& engine) {
    so_far.messages = {{"system", "You are a storyteller who likes foxes, drums and long evenings."},
                       {"user", "Write a short story about a fox and a drum."}};
    so_far.messages.push_back({"assistant", ask(engine, asking(so_far)).text});
    next = so_far;
    next.messages.push_back({"user", "And then?"});
  }
  ChatPrompt so_far;
  ChatPrompt next;
};

struct Setup {
  const char* model;
  const char* kv_dtype;
};

EngineOptions options(const Setup& setup) {
  return {.model = demo(setup.model), .threads = 2, .max_context = 512, .kv_dtype = setup.kv_dtype};
}

class Sessions : public testing::TestWithParam<Setup> {
 protected:
  test::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "talk.session";
};

TEST_P(Sessions, ARestoredOneIsAnsweredAsAColdOneIs) {
  const EngineOptions all = options(GetParam());
  SavedSession saved;
  ChatPrompt next;
  {
    const auto engine = Engine::load(all);
    const Talk talk(*engine);
    next = talk.next;
    saved = engine->save_session({.prompt = talk.so_far, .application_data = "ours"}, file_);
  }
  EXPECT_GT(saved.saved_tokens, 48);
  EXPECT_LE(saved.saved_tokens, saved.tokens);
  EXPECT_EQ(saved.saved_tokens % 16, 0);
  EXPECT_EQ(saved.bytes, std::filesystem::file_size(file_));

  const auto restored = Engine::load(all);
  const LoadedSession loaded = restored->load_session(file_);
  EXPECT_EQ(loaded.tokens, saved.saved_tokens);
  EXPECT_EQ(loaded.cached_tokens, saved.saved_tokens);
  EXPECT_EQ(loaded.application_data, "ours");
  EXPECT_EQ(restored->load_session(file_).cached_tokens, saved.saved_tokens) << "once more changes nothing";

  const auto cold = Engine::load(all);
  const Told from_file = ask(*restored, asking(next));
  const Told computed = ask(*cold, asking(next));
  EXPECT_EQ(from_file.usage.cached_tokens, saved.saved_tokens);
  EXPECT_EQ(computed.usage.cached_tokens, 0);
  ASSERT_GT(computed.logprobs.size(), 20u);
  expect_same(from_file, computed);
}

INSTANTIATE_TEST_SUITE_P(Models, Sessions,
                         testing::Values(Setup{"demo-dense", "f16"}, Setup{"demo-dense", "int8"},
                                         Setup{"demo-dense", "f32"}, Setup{"demo-moe", "f16"},
                                         Setup{"demo-moe", "int8"}),
                         [](const auto& info) {
                           std::string name = std::string(info.param.model) + "_" + info.param.kv_dtype;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class SessionTest : public testing::Test {
 protected:
  static std::unique_ptr<Engine> load(EngineOptions all = dense()) { return Engine::load(all); }
  static EngineOptions dense() { return options({"demo-dense", "f16"}); }

  // A session in a file, saved with these options; what its next turn begins with is in the file's blocks.
  SavedSession save(const EngineOptions& all = dense()) {
    const auto engine = load(all);
    const Talk talk(*engine);
    next_ = asking(talk.next, 12);
    return engine->save_session({.prompt = talk.so_far}, file_);
  }

  // The file is refused with these words and its name, and nothing of it is found.
  void expect_refused(Engine& engine, ErrorCode code, std::initializer_list<std::string_view> words) {
    test::expect_error(code, words, [&] { engine.load_session(file_); });
    test::expect_error(code, {file_.string()}, [&] { engine.load_session(file_); });
    EXPECT_EQ(engine.stats().cached_blocks, 0);
    if (next_) {
      EXPECT_EQ(ask(engine, *next_).usage.cached_tokens, 0) << "cold";
    }
  }

  test::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "talk.session";
  std::optional<Request> next_;
};

// Another batch size and another number of sequences than it was saved with.
TEST_F(SessionTest, N2_APromptThatAgreesWithMostOfASession) {
  const auto saved = static_cast<size_t>(save().saved_tokens);
  EngineOptions small = dense();
  small.batch_tokens = 5;
  small.max_sequences = 3;
  const auto restored = load(small);
  restored->load_session(file_);
  EngineOptions without = dense();
  without.prefix_cache = false;
  const auto cold = load(without);
  const std::vector<int32_t> ids = cold->tokens_of(next_->prompt);
  for (const size_t at : {ids.size() - 1, saved, saved - 1, saved - 16, saved - 17, size_t{1}, size_t{0}}) {
    SCOPED_TRACE(at);
    std::vector<int32_t> changed = ids;
    changed[at] = changed[at] == 300 ? 301 : 300;
    Request request = *next_;
    request.prompt = TokenPrompt{changed};
    const Told told = ask(*restored, request);
    EXPECT_EQ(static_cast<size_t>(told.usage.cached_tokens), std::min(saved, at / 16 * 16));
    expect_same(told, ask(*cold, request));
  }
}

TEST_F(SessionTest, ApplicationDataAreAnyBytes) {
  const auto engine = load();
  const Talk talk(*engine);
  std::string data(100'000, 'x');
  data[7] = '\0', data[8] = '\xff';
  engine->save_session({.prompt = talk.so_far, .cache_salt = "salt", .application_data = data}, file_);
  const LoadedSession loaded = engine->load_session(file_);
  EXPECT_EQ(loaded.application_data, data);
  EXPECT_EQ(loaded.cache_salt, "salt");
}

TEST_F(SessionTest, TheSaltIsPartOfTheKey) {
  Request salted;
  {
    const auto engine = load();
    ChatPrompt chat;
    chat.messages = {{"user", "Write a short story about a fox and a drum, with a happy end if you can."}};
    salted = asking(chat, 20);
    salted.cache_salt = "hers";
    ask(*engine, salted);
    EXPECT_EQ(engine->save_session({.prompt = chat}, file_).saved_tokens, 0) << "those of another salt";
    EXPECT_GE(engine->save_session({.prompt = chat, .cache_salt = "hers"}, file_).saved_tokens, 16);
  }
  const auto engine = load();
  EXPECT_EQ(engine->load_session(file_).cache_salt, "hers");
  Request other = salted;
  other.cache_salt = "his";
  EXPECT_EQ(ask(*engine, other).usage.cached_tokens, 0);
  EXPECT_GE(ask(*engine, salted).usage.cached_tokens, 16);
}

TEST_F(SessionTest, WhatWasNotComputedIsNotInTheFile) {
  const auto engine = load();
  const SavedSession saved =
      engine->save_session({.prompt = TokenPrompt{std::vector<int32_t>(100, 5)}}, file_);
  EXPECT_EQ(saved.tokens, 100);
  EXPECT_EQ(saved.saved_tokens, 0);
  EXPECT_EQ(load()->load_session(file_).tokens, 0);

  Request r;
  r.prompt = TokenPrompt{std::vector<int32_t>(64, 5)};
  r.max_tokens = 1;
  ask(*engine, r);
  EXPECT_EQ(engine->save_session({.prompt = TokenPrompt{std::vector<int32_t>(100, 5)}}, file_).saved_tokens,
            64);
  EXPECT_EQ(engine->save_session({.prompt = r.prompt}, file_).saved_tokens, 64) << "the last block counts";
  EXPECT_EQ(load()->load_session(file_).cached_tokens, 64);

  EngineOptions off = dense();
  off.prefix_cache = false;
  EXPECT_EQ(load(off)->load_session(file_).cached_tokens, 0);
}

TEST_F(SessionTest, ACacheTooSmallTakesTheBeginning) {
  const SavedSession saved = save();
  EngineOptions small = dense();
  small.max_context = 64;
  const auto engine = load(small);
  EXPECT_GT(saved.saved_tokens, 64);
  const LoadedSession loaded = engine->load_session(file_);
  EXPECT_EQ(loaded.tokens, saved.saved_tokens);
  EXPECT_EQ(loaded.cached_tokens, 64);
  Request r;
  r.prompt = TextPrompt{"Once upon a time"};
  r.max_tokens = 30;
  EXPECT_EQ(ask(*engine, r).usage.generated_tokens, 30) << "what was loaded makes room";
}

TEST_F(SessionTest, OthersAreAnsweredMeanwhile) {
  EngineOptions all = dense();
  all.max_sequences = 4;
  all.kv_tokens = 4 * 512;
  ChatPrompt chat;
  chat.messages = {{"user", "Write a long story about a cat."}};
  Request longest = asking(chat, 120);
  longest.end_of_text = Request::EndOfText::kIgnored;
  const Told alone = ask(*load(all), longest);

  const auto engine = load(all);
  const Talk talk(*engine);
  const auto stream = engine->submit(longest);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&, i] {
      const auto file = folder_.path() / std::to_string(i);
      for (int round = 0; round < 3; ++round) {
        const SavedSession saved = engine->save_session({.prompt = talk.so_far}, file);
        EXPECT_GT(saved.saved_tokens, 48);
        EXPECT_EQ(engine->load_session(file).cached_tokens, saved.saved_tokens);
      }
    });
  expect_same(read(*stream), alone);
}

TEST_F(SessionTest, MistakesAreErrorsAndLeaveNoFile) {
  const auto engine = load();
  const Session session = {.prompt = TextPrompt{"Once upon a time"}};
  test::expect_error(ErrorCode::kIo, {"missing/talk.session"},
                     [&] { engine->save_session(session, folder_.path() / "missing" / "talk.session"); });
  test::expect_error(ErrorCode::kIo, {"is a folder"}, [&] { engine->save_session(session, folder_.path()); });
  test::expect_error(ErrorCode::kBadArgument, {"token id -1"},
                     [&] { engine->save_session({.prompt = TokenPrompt{{-1}}}, file_); });
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(SessionTest, B25_NoSuchFileAndNoSession) {
  const auto engine = load();
  expect_refused(*engine, ErrorCode::kNotFound, {"cannot open"});
  folder_.write("talk.session", "What is this?");
  expect_refused(*engine, ErrorCode::kBadFile, {"not a saved session"});
}

TEST_F(SessionTest, B25_Truncated) {
  save();
  const std::string bytes = test::read_file(file_);
  for (const size_t size : {size_t{10}, size_t{100}, bytes.size() / 2, bytes.size() - 1}) {
    folder_.write("talk.session", bytes.substr(0, size));
    expect_refused(*load(), ErrorCode::kBadFile, {});
  }
}

TEST_F(SessionTest, B25_AFlippedByte) {
  save();
  const std::string bytes = test::read_file(file_);
  for (const size_t at : {bytes.size() / 2, bytes.size() - 100}) {
    std::string damaged = bytes;
    damaged[at] ^= 1;
    folder_.write("talk.session", damaged);
    expect_refused(*load(), ErrorCode::kBadFile, {"damaged: its checksum does not match its contents"});
  }
}

TEST_F(SessionTest, B25_AnotherVersion) {
  save();
  std::string bytes = test::read_file(file_);
  bytes[8] = 9;
  folder_.write("talk.session", bytes);
  expect_refused(*load(), ErrorCode::kUnsupported, {"version 9 of the session format"});
}

TEST_F(SessionTest, B25_AnotherModel) {
  save();
  expect_refused(*load(options({"demo-moe", "f16"})), ErrorCode::kBadArgument,
                 {"saved with the model 'demo-dense', but 'demo-moe' is loaded"});
}

TEST_F(SessionTest, B25_TheSameShapeWithOtherWeights) {
  save();
  std::string model = test::read_file(demo("demo-dense"));
  model[model.size() - 1000] ^= 1;
  EngineOptions other = dense();
  other.model = folder_.write("other.gguf", model);
  expect_refused(*load(other), ErrorCode::kBadArgument, {"another model of the same name, 'demo-dense'"});

  std::filesystem::copy_file(demo("demo-dense"), folder_.path() / "copy.gguf");
  EngineOptions copy = dense();
  copy.model = folder_.path() / "copy.gguf";
  EXPECT_GT(load(copy)->load_session(file_).cached_tokens, 48) << "the same model elsewhere";
}

TEST_F(SessionTest, B25_AnotherKvType) {
  save();
  expect_refused(*load(options({"demo-dense", "int8"})), ErrorCode::kBadArgument,
                 {"its keys and values are 'f16', but those in use are 'int8'"});
  expect_refused(*load(options({"demo-dense", "bf16"})), ErrorCode::kBadArgument, {"'bf16'"});
}

TEST_F(SessionTest, B25_AnotherArithmetic) {
  save();
  EngineOptions other = dense();
  other.activations = "f32";
  expect_refused(*load(other), ErrorCode::kBadArgument, {"int8 activations',", "f32 activations' is in use"});
  other = dense();
  other.backend = "reference";
  next_->max_tokens = 1;
  expect_refused(*load(other), ErrorCode::kBadArgument, {"'reference' is in use"});
}

// Whose angles depend on the longest context.
TEST_F(SessionTest, B25_AnotherRotation) {
  test::SmallHf model;
  model.config["max_position_embeddings"] = 64;
  model.config["rope_scaling"] = {{"rope_type", "dynamic"}, {"factor", 2.0}};
  const test::TemporaryFolder folder;
  EngineOptions all = {.model = model.write(folder), .threads = 1, .max_context = 128};
  Request r;
  r.prompt = TokenPrompt{std::vector<int32_t>(40, 5)};
  r.max_tokens = 1;
  {
    const auto engine = load(all);
    ask(*engine, r);
    EXPECT_EQ(engine->save_session({.prompt = r.prompt}, file_).saved_tokens, 32);
  }
  EXPECT_EQ(load(all)->load_session(file_).cached_tokens, 32);
  all.max_context = 96;
  expect_refused(*load(all), ErrorCode::kBadArgument,
                 {"scaled for a context of 128 tokens, but those in use for one of 96"});

  save();
  EngineOptions shorter = dense();
  shorter.max_context = 256;
  EXPECT_GT(load(shorter)->load_session(file_).cached_tokens, 48) << "whose angles do not";
}

}  // namespace
}  // namespace ferrum
