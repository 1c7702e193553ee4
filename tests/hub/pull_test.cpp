// Pulling from a faulty hub. No test waits for a clock: pauses are reported but not taken.
#include "hub/pull.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "hub/file_lock.h"
#include "support/errors.h"
#include "support/fake_hub.h"
#include "support/files.h"

namespace ferrum::hub {
namespace {

namespace fs = std::filesystem;
using test::FakeHub;
using Fault = FakeHub::Fault;
using Place = FakeHub::Place;
using Kind = FakeHub::File::Kind;

constexpr size_t kBlock = 4096;
constexpr size_t kSize = 40 * kBlock + 77;
const FakeHub::File kModel = {"m-Q8_0.gguf", test::noise(kSize, 1)};

class PullTest : public testing::Test {
 protected:
  Settings settings(const FakeHub& hub) const {
    return {.endpoint = http_client::parse_endpoint(hub.url()), .cache = folder_.path() / "hub"};
  }
  CachedModel pull_from(const FakeHub& hub, const char* name = "org/model") {
    return pull(name, settings(hub));
  }
  CachedModel pull(const char* name, const Settings& settings) {
    return hub::pull(parse_model_name(name), settings, options_,
                     {.notify =
                          [this](const std::string& text) {
                            const std::lock_guard lock(mutex_);
                            said_ += text + "\n";
                          },
                      .progress = [this](const PullProgress& p) { last_ = p; }});
  }
  fs::path repo() const { return folder_.path() / "hub" / "models--org--model"; }
  // Files that are neither the model's nor known: what should not stay.
  std::string left_overs() const {
    std::string names;
    for (const auto& entry : fs::directory_iterator(repo() / "blobs"))
      if (entry.path().filename().string().find("ferrum") != std::string::npos)
        names += entry.path().filename().string() + " ";
    return names;
  }
  // The hub does wrong once in the place, with the first request there.
  static FakeHub::Behave once(Fault fault, Place place = Place::kBytes) {
    return
        [=](const FakeHub::Request& r) { return r.place == place && r.number == 0 ? fault : Fault::kNone; };
  }
  static FakeHub::Behave always(Fault fault, Place place = Place::kBytes) {
    return [=](const FakeHub::Request& r) { return r.place == place ? fault : Fault::kNone; };
  }
  void expect_failure(const FakeHub& hub, std::initializer_list<std::string_view> words) {
    test::expect_error(ErrorCode::kIo, words, [&] { pull_from(hub); });
    EXPECT_FALSE(fs::exists(repo() / "blobs" / kModel.hash()));
    EXPECT_TRUE(Cache(folder_.path() / "hub").models().empty());
  }

  test::TemporaryFolder folder_;
  PullOptions options_ = {.retry_policy = {.stall = std::chrono::milliseconds(200), .time = 0},
                          .download = {.connections = 4,
                                       .most_of_a_range = 8 * kBlock,
                                       .partial = {.block = kBlock, .pending = 2 * kBlock}}};
  std::mutex mutex_;
  std::string said_;
  PullProgress last_;
};

TEST_F(PullTest, AModelComesInPartsAndLiesWhereOtherToolsLookForIt) {
  const FakeHub hub({{"README.md", "hello", Kind::kSmall}, kModel});
  const CachedModel model = pull_from(hub);
  EXPECT_EQ(model.name, "org/model:Q8_0");
  EXPECT_EQ(test::read_file(model.path), kModel.bytes);
  EXPECT_EQ(fs::read_symlink(model.path), fs::path("../../blobs") / kModel.hash());
  EXPECT_EQ(model.path, repo() / "snapshots" / hub.commit() / kModel.name);
  EXPECT_EQ(test::read_file(repo() / "refs/main"), hub.commit());
  EXPECT_TRUE(fs::exists(folder_.path() / "hub/.locks/models--org--model" / (kModel.hash() + ".lock")));
  EXPECT_EQ(left_overs(), "");
  EXPECT_EQ(said_, "");
  EXPECT_EQ(hub.bytes_sent(), kSize);
  std::set<int> connections;
  for (const auto& seen : hub.cdn_saw()) connections.insert(seen.connection);
  EXPECT_EQ(connections.size(), 4u);
  EXPECT_EQ(last_.done, kSize);
  EXPECT_EQ(last_.phase, PullProgress::Phase::kVerify);

  EXPECT_EQ(pull_from(hub).path, model.path);
  EXPECT_EQ(hub.bytes_sent(), kSize) << "fetched again";
}

TEST_F(PullTest, ASetComesWithItsFoldersAndPagesOfTheListing) {
  FakeHub hub({{"sub dir/m #%?-Q4_0-00001-of-00002.gguf", test::noise(9000, 2)},
               {"config.json", "{}", Kind::kSmall},
               {"x-Q8_0.gguf", "x"},
               {"sub dir/m #%?-Q4_0-00002-of-00002.gguf", test::noise(70000, 3)}});
  hub.set_page_size(2);
  const CachedModel model = pull_from(hub, "org/model:Q4_0");
  EXPECT_EQ(model.offer.files.size(), 2u);
  EXPECT_EQ(test::read_file(model.path), test::noise(9000, 2));
  EXPECT_EQ(test::read_file(model.folder / "sub dir/m #%?-Q4_0-00002-of-00002.gguf"), test::noise(70000, 3));
}

TEST_F(PullTest, SafetensorsComeAsAFolder) {
  const FakeHub hub({{"config.json", "{}", Kind::kSmall},
                     {"model.safetensors", test::noise(5000, 4)},
                     {"tokenizer.json", "", Kind::kSmall},
                     {"onnx/model.onnx", "x"}});
  const CachedModel model = pull_from(hub);
  EXPECT_EQ(model.path, repo() / "snapshots" / hub.commit());
  EXPECT_EQ(test::read_file(model.path / "tokenizer.json"), "");
  EXPECT_EQ(test::read_file(model.path / "model.safetensors"), test::noise(5000, 4));
  EXPECT_FALSE(fs::exists(model.path / "onnx"));
}

TEST_F(PullTest, N16_TheTokenGoesToTheHubAlone) {
  FakeHub hub({kModel});
  hub.require_token("hf_secret");
  Settings known = settings(hub);
  known.token = "hf_secret";
  pull("org/model", known);
  for (const auto& seen : hub.hub_saw()) EXPECT_NE(seen.head.find("hf_secret"), std::string::npos);
  EXPECT_FALSE(hub.cdn_saw().empty());
  for (const auto& seen : hub.cdn_saw())
    EXPECT_EQ(seen.head.find("hf_secret"), std::string::npos) << seen.head;
}

TEST_F(PullTest, AMissingOfferIsReportedWithTheOthers) {
  const FakeHub hub({{"m-Q8_0.gguf", "12345678"}, {"m-Q4_0.gguf", "1234"}});
  test::expect_error(ErrorCode::kNotFound, {"org/model has no Q4_K_M; there is Q4_0 (4 B), Q8_0 (8 B)"},
                     [&] { pull_from(hub, "org/model:q4_k_m"); });
  test::expect_error(ErrorCode::kNotFound, {"org/none", "there is no such repository", "HF_TOKEN"},
                     [&] { pull_from(hub, "org/none"); });
  const FakeHub pickles({{"config.json", "{}", Kind::kSmall}, {"pytorch_model.bin", "x"}});
  test::expect_error(ErrorCode::kNotFound, {"neither a GGUF file nor", "pickle"},
                     [&] { pull_from(pickles); });
  const FakeHub several({{"a.gguf", "x"}, {"b.gguf", "y"}});
  test::expect_error(ErrorCode::kNotFound, {"several models", "org/model:a.gguf", "'b.gguf'"},
                     [&] { pull_from(several); });
  Settings offline = settings(hub);
  offline.offline = true;
  test::expect_error(ErrorCode::kBadArgument, {"HF_HUB_OFFLINE"}, [&] { pull("org/model", offline); });
}

// What another process wrote of a file before it was killed.
TEST_F(PullTest, B61_WhatIsThereIsNotFetchedAgain) {
  const FakeHub broken({kModel}, [](const FakeHub::Request& r) {
    return r.place == Place::kBytes && r.number >= 2 ? Fault::kBroken : Fault::kNone;
  });
  options_.download.connections = 1;
  expect_failure(broken, {kModel.name, "503", "run the same command to resume"});
  options_.download.connections = 4;
  const uint64_t before = broken.bytes_sent();
  EXPECT_GT(before, 0u);
  EXPECT_NE(left_overs(), "");
  const FakeHub hub({kModel});
  pull_from(hub);
  EXPECT_EQ(hub.bytes_sent(), kSize - before);
  EXPECT_EQ(left_overs(), "");
}

// The journal never says more than there is; whatever is odd about it, the file comes anew.
TEST_F(PullTest, B61_AJournalThatDoesNotFitIsNotBelieved) {
  const std::string base = (repo() / "blobs" / kModel.hash()).string();
  const std::string header = fmt::format("ferrum-partial 1 {} {} {}\n", kModel.hash(), kSize, kBlock);
  const std::string there(41, '#');
  const auto padded = [&](std::string text) { return text.append(128 - text.size(), ' '); };
  for (const std::string& journal :
       {std::string("x"), padded(header), padded(header) + there + "#", padded(header) + std::string(41, 'x'),
        padded(fmt::format("ferrum-partial 2 {} {} {}\n", kModel.hash(), kSize, kBlock)) + there}) {
    fs::remove_all(folder_.path() / "hub");
    fs::create_directories(repo() / "blobs");
    std::ofstream(base + ".ferrum.incomplete", std::ios::binary) << std::string(kSize, '\0');
    std::ofstream(base + ".ferrum.journal", std::ios::binary) << journal;
    const FakeHub hub({kModel});
    EXPECT_EQ(test::read_file(pull_from(hub).path), kModel.bytes);
    EXPECT_EQ(said_, "");
  }
  // A file of another size, or a link to elsewhere, is none of ours.
  const fs::path precious = folder_.write("precious", std::string(kSize, 'p'));
  fs::remove_all(folder_.path() / "hub");
  fs::create_directories(repo() / "blobs");
  fs::create_symlink(precious, base + ".ferrum.incomplete");
  std::ofstream(base + ".ferrum.journal", std::ios::binary) << padded(header) + there;
  const FakeHub hub({kModel});
  EXPECT_EQ(test::read_file(pull_from(hub).path), kModel.bytes);
  EXPECT_EQ(test::read_file(precious), std::string(kSize, 'p'));
}

TEST_F(PullTest, B62_ADiskThatIsTooSmallIsReportedBeforeTheFirstByte) {
  FakeHub::File huge = {"m-Q8_0.gguf", "x"};
  const FakeHub hub({huge});
  // The listing says more than any disk has: through a hub that lies about the size.
  test::ScriptedServer liar([&](const auto& client, const auto& seen) {
    if (seen.head.find("/tree/") == std::string::npos)
      return client.send(test::http_answer(200, "application/json", R"({"sha":")" + hub.commit() + "\"}"));
    client.send(test::http_answer(200, "application/json",
                                  R"([{"type":"file","path":"m-Q8_0.gguf","oid":")" + std::string(40, 'a') +
                                      R"(","size":4000000000000000000}])"));
  });
  Settings s = settings(hub);
  s.endpoint = http_client::parse_endpoint(liar.url());
  test::expect_error(ErrorCode::kIo, {"org/model needs 4000000000000000000 bytes", "its disk has"},
                     [&] { pull("org/model", s); });
  EXPECT_TRUE(fs::is_empty(repo() / "blobs"));
}

// The limit on files is a disk that becomes full while bytes come.
TEST_F(PullTest, B62_ADiskThatBecomesFullIsReportedAndThePullResumed) {
  const FakeHub hub({kModel});
  PartialFile::Options options = options_.download.partial;
  const fs::path target = folder_.path() / kModel.hash();
  const int pid = fork();
  if (pid == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    int code = 1;
    PartialFile partial(target, kSize, options);
    const rlimit limit = {10 * kBlock, 10 * kBlock};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      for (size_t at = 0; at < kSize; at += kBlock) {
        partial.write(at, std::string_view(kModel.bytes).substr(at, kBlock));
        partial.written({at, std::min(kSize, at + kBlock)});
      }
    } catch (const Error& e) {
      const std::string what = e.what();
      code = what.find(fmt::format("40960 of {} bytes are there, and {} more are needed", kSize,
                                   kSize - 40960)) != std::string::npos
                 ? 42
                 : 2;
    }
    _exit(code);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 42);
  PartialFile partial(target, kSize, options);
  EXPECT_EQ(partial.present(), 10 * kBlock);
}

TEST_F(PullTest, B63_WhatBreaksOffIsGoneOnWith) {
  for (const Fault fault :
       {Fault::kHangUp, Fault::kCut, Fault::kStall, Fault::kNoSuchRange, Fault::kOtherPart, Fault::kLogin,
        Fault::kForbidden, Fault::kGone, Fault::kTooMany, Fault::kBroken, Fault::kOtherSize,
        Fault::kOtherContents, Fault::kTooMuch}) {
    fs::remove_all(folder_.path() / "hub");
    int wrong = 0;
    const FakeHub hub({kModel}, [&](const FakeHub::Request& r) {
      if (r.place != Place::kBytes || r.number % 2 == 0 || wrong >= 4) return Fault::kNone;
      ++wrong;
      return fault;
    });
    EXPECT_EQ(test::read_file(pull_from(hub).path), kModel.bytes) << static_cast<int>(fault);
    EXPECT_EQ(left_overs(), "");
  }
}

TEST_F(PullTest, B63_TheHubItselfIsRetried) {
  for (const Place place : {Place::kRevision, Place::kTree, Place::kHead})
    for (const Fault fault : {Fault::kHangUp, Fault::kTooMany, Fault::kBroken}) {
      fs::remove_all(folder_.path() / "hub");
      said_.clear();
      const FakeHub hub({kModel}, once(fault, place));
      EXPECT_EQ(test::read_file(pull_from(hub).path), kModel.bytes);
      EXPECT_EQ(said_.empty(), fault == Fault::kHangUp && place != Place::kRevision) << said_;
    }
}

TEST_F(PullTest, B63_AServerThatIgnoresRangesSendsAllOnce) {
  const FakeHub hub({kModel}, always(Fault::kIgnoreRange));
  EXPECT_EQ(test::read_file(pull_from(hub).path), kModel.bytes);
  int cuts = 0;
  fs::remove_all(folder_.path() / "hub");
  const FakeHub cutting({kModel}, [&](const FakeHub::Request& r) {
    if (r.place != Place::kBytes) return Fault::kNone;
    if (r.number < 4) return Fault::kIgnoreRange;
    return ++cuts < 3 ? Fault::kCut : Fault::kIgnoreRange;
  });
  EXPECT_EQ(test::read_file(pull_from(cutting).path), kModel.bytes);
}

TEST_F(PullTest, B63_WhatKeepsFailingEndsWithWhatToDoNext) {
  expect_failure(FakeHub({kModel}, always(Fault::kBroken)),
                 {kModel.name, "answers 503, 6 times in a row", "run the same command to resume"});
  expect_failure(FakeHub({kModel}, always(Fault::kHangUp)), {kModel.name, "6 times in a row"});
  expect_failure(FakeHub({kModel}, always(Fault::kLogin)),
                 {"text/html", "is a login page or a proxy in between?"});
  expect_failure(FakeHub({kModel}, always(Fault::kNoSuchRange)), {"(416)"});
  expect_failure(FakeHub({kModel}, always(Fault::kOtherSize)), {"bytes, but", "were listed"});
  expect_failure(FakeHub({kModel}, always(Fault::kOtherContents)), {"different contents than listed"});
  expect_failure(FakeHub({kModel}, always(Fault::kForbidden)), {"answers 403"});
  expect_failure(FakeHub({kModel}, always(Fault::kOtherContents, Place::kHead)),
                 {"has changed since; pull again"});
  expect_failure(FakeHub({kModel}, always(Fault::kUnauthorized, Place::kRevision)),
                 {"401", "is the name right?", "set HF_TOKEN"});
  expect_failure(FakeHub({kModel}, always(Fault::kForbidden, Place::kHead)),
                 {"licence", "/org/model", "set HF_TOKEN"});
  expect_failure(FakeHub({kModel}, always(Fault::kLogin, Place::kRevision)),
                 {"not a response of a hub", "login page"});
  expect_failure(FakeHub({kModel}, always(Fault::kTooMany, Place::kTree)), {"429", "6 times in a row"});
  FakeHub patient({kModel}, always(Fault::kTooMany, Place::kTree));
  patient.set_retry_after(4000);
  expect_failure(patient, {"Retry-After of 4000 s"});
}

TEST_F(PullTest, B63_RetryAfterIsHonoured) {
  FakeHub hub({kModel}, once(Fault::kTooMany, Place::kRevision));
  hub.set_retry_after(7);
  pull_from(hub);
  EXPECT_NE(said_.find("it answers 429; trying again in 7 s (2 of 6)"), std::string::npos) << said_;
  http_client::HttpHead head = {.fields = {{"date", "Sat, 21 Nov 2026 10:00:00 GMT"},
                                           {"retry-after", "Sat, 21 Nov 2026 10:01:30 GMT"}}};
  EXPECT_EQ(retry_after(head), std::chrono::seconds(90));
  head.fields = {{"Retry-After", "soon"}};
  EXPECT_FALSE(retry_after(head));
  head.fields = {{"Retry-After", "-5"}};
  EXPECT_EQ(retry_after(head), std::chrono::seconds(0));
}

TEST_F(PullTest, B63_WithATokenTheMessageIsAboutTheToken) {
  FakeHub hub({kModel});
  hub.require_token("right");
  Settings s = settings(hub);
  s.token = "wrong";
  test::expect_error(ErrorCode::kIo, {"does not accept the token (401)", "HF_TOKEN"},
                     [&] { pull("org/model", s); });
  EXPECT_EQ(said_.find("wrong"), std::string::npos);
}

TEST_F(PullTest, B64_WhatHasTheWrongHashIsThrownAwayAndFetchedOnceMore) {
  bool flipped = false;
  const FakeHub once_wrong({kModel}, [&](const FakeHub::Request& r) {
    return r.place == Place::kBytes && !std::exchange(flipped, true) ? Fault::kFlipBit : Fault::kNone;
  });
  EXPECT_EQ(test::read_file(pull_from(once_wrong).path), kModel.bytes);
  EXPECT_NE(said_.find("does not have the right hash"), std::string::npos);
  fs::remove_all(folder_.path() / "hub");
  expect_failure(FakeHub({kModel}, always(Fault::kFlipBit)),
                 {"does not have the hash", kModel.hash(), "twice"});
  EXPECT_EQ(left_overs(), "");
  const FakeHub::File small = {"m-Q8_0.gguf", "small", Kind::kSmall};
  test::expect_error(ErrorCode::kIo, {"does not have the hash", test::git_sha1("small")},
                     [&] { pull_from(FakeHub({small}, always(Fault::kFlipBit))); });
}

// Whatever a repository calls its files, nothing is written outside of the cache.
TEST_F(PullTest, B65_HostileNamesAreRefused) {
  for (const std::string& name :
       {std::string("../../../escaped-Q4_K_M.gguf"), std::string("/tmp/escaped-Q4_K_M.gguf"),
        std::string("a/../../x-Q4_K_M.gguf"), std::string("..\\escaped-Q4_K_M.gguf"),
        std::string("x\n-Q4_K_M.gguf"), std::string("x\0-Q4_K_M.gguf", 14),
        std::string("x\x1b]0;title\x07-Q4_K_M.gguf"), std::string("./x-Q4_K_M.gguf"),
        std::string("a//x-Q4_K_M.gguf")}) {
    const FakeHub hub({{name, "payload"}});
    test::expect_error(ErrorCode::kBadFile, {"org/model offers a file named", "refused"},
                       [&] { pull_from(hub); });
    EXPECT_TRUE(fs::is_empty(repo() / "blobs"));
    EXPECT_FALSE(fs::exists(repo() / "snapshots"));
  }
  // Beside the point they are passed over.
  EXPECT_EQ(pull_from(FakeHub({{"../x.txt", "payload"}, kModel})).name, "org/model:Q8_0");
}

TEST_F(PullTest, B65_NamesThatCollideAreRefused) {
  const FakeHub hub({{"m-Q8_0.gguf", "a"}, {"m-Q8_0.gguf/m-Q4_0.gguf", "b"}});
  pull_from(hub, "org/model:Q8_0");
  test::expect_error(ErrorCode::kIo, {"m-Q8_0.gguf", "is a link where a folder must be"},
                     [&] { pull_from(hub, "org/model:Q4_0"); });
  EXPECT_EQ(test::read_file(Cache(folder_.path() / "hub").find(parse_model_name("org/model:Q8_0"))->path),
            "a");
}

TEST_F(PullTest, B65_N16_HashesAndCommitsThatAreNoneAreRefused) {
  for (const char* bad :
       {R"({"sha":"../../x"})", R"({"sha":7})", R"([])", R"({})", "<html>", R"({"sha":"ABCDEF"})"})
    test::expect_error(ErrorCode::kBadFile, {"hub"}, [&] { read_commit(bad, "hub"); });
  std::vector<RepoFile> files;
  for (const char* bad :
       {R"([{"type":"file","path":"a","oid":"../x","size":1}])", R"([{"type":"file","path":"a","size":1}])",
        R"([{"type":"file","oid":"0123456789012345678901234567890123456789","size":1}])",
        R"([{"type":"file","path":"a","oid":"0123456789012345678901234567890123456789","size":-1}])",
        R"([{"type":"file","path":"a","oid":"0123456789012345678901234567890123456789","size":1e300}])",
        R"([{"type":"file","path":"a","lfs":{"oid":"0123456789012345678901234567890123456789","size":1}}])",
        R"([7])", "{}"})
    test::expect_error(ErrorCode::kBadFile, {"hub"}, [&] { read_tree(bad, "hub", files); });
  EXPECT_TRUE(files.empty());
}

TEST_F(PullTest, B65_NothingIsWrittenThroughALink) {
  const fs::path elsewhere = folder_.path() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::create_directories(repo() / "snapshots");
  const FakeHub hub({kModel});
  fs::create_symlink(elsewhere, repo() / "snapshots" / hub.commit());
  test::expect_error(ErrorCode::kIo, {"is a link where a folder must be"}, [&] { pull_from(hub); });
  EXPECT_TRUE(fs::is_empty(elsewhere));
}

TEST_F(PullTest, B66_TwoPullsAtOnceFetchOnce) {
  FakeHub hub({kModel});
  std::atomic<bool> waits = false;
  hub.set_piece(kBlock, [&] { waits.wait(false); });  // until the second pull does
  options_.retry_policy.stall = std::chrono::seconds(60);
  const auto pull_once = [&] {
    const CachedModel model = hub::pull(
        parse_model_name("org/model"), settings(hub), options_, {.notify = [&](const std::string& text) {
          EXPECT_NE(text.find("another process is pulling it; waiting"), std::string::npos) << text;
          waits = true;
          waits.notify_all();
        }});
    EXPECT_EQ(test::read_file(model.path), kModel.bytes);
  };
  {
    const std::jthread other(pull_once);
    pull_once();
  }
  EXPECT_TRUE(waits);
  EXPECT_EQ(hub.bytes_sent(), kSize);
}

// As a user who may not write there; the superuser may.
TEST_F(PullTest, B66_AFolderThatCannotBeWrittenIsReportedBeforeAnyRequest) {
  const FakeHub hub({kModel});
  pull_from(hub);
  const size_t asked = hub.hub_saw().size();
  fs::permissions(folder_.path(), fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                      fs::perms::others_read | fs::perms::others_exec);
  const int pid = fork();
  if (pid == 0) {
    if (geteuid() == 0 && seteuid(65534) != 0) _exit(3);
    int code = 1;
    Settings s = settings(hub);
    s.cache = folder_.path() / "other";
    if (geteuid() != 65534) fs::permissions(folder_.path(), fs::perms::owner_read | fs::perms::owner_exec);
    try {
      pull("org/model", s);
    } catch (const Error& e) {
      const std::string what = e.what();
      code = what.find("read-only: set HF_HOME") != std::string::npos &&
                     Cache(folder_.path() / "hub").find(parse_model_name("org/model"))
                 ? 42
                 : 2;
    }
    _exit(code);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  fs::permissions(folder_.path(), fs::perms::owner_all);
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_EQ(hub.hub_saw().size(), asked);
}

}  // namespace
}  // namespace ferrum::hub
