// `ferrum bench-serve` as a user runs it, against a server whose answers are known.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "support/certificate.h"
#include "support/contains.h"
#include "support/files.h"
#include "support/process.h"
#include "support/scripted_server.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::ferrum;
using test::Finished;
using test::ScriptedServer;
using Client = ScriptedServer::Client;
using Seen = ScriptedServer::Seen;

// Answers everything, with the requested number of words.
void answer(const Client& client, const Seen& request) {
  if (test::asks_for_models(request)) return client.send(test::kModels);
  client.send(test::chat_answer(json::parse(request.body)["max_tokens"]));
}

int words_of(const json& body) {
  const auto text = body["messages"][0]["content"].get<std::string>();
  return 1 + static_cast<int>(std::ranges::count(text, ' '));
}

TEST(BenchServe, JsonHasARowForEachNumberOfClients) {
  const ScriptedServer server(answer);
  const Finished done =
      ferrum({"bench-serve", server.url(), "--clients", "1,3", "--requests", "6", "-p", "5-9", "-n", "2-4",
              "--shared-prefix", "10", "--slo", "ttft:60000,e2e:0.000001", "--json", "--samples"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.err, "");
  const json rows = json::parse(done.out);
  ASSERT_EQ(rows.size(), 2U);
  for (const json& row : rows) {
    EXPECT_EQ(row["url"], server.url() + "/v1");
    EXPECT_EQ(row["model"], "tiny");
    EXPECT_EQ(row["api"], "chat");
    EXPECT_EQ(row["rate"], nullptr);
    EXPECT_EQ(row["prompt_words"], (json{5, 9}));
    EXPECT_EQ(row["requests"], 6);
    EXPECT_EQ(row["succeeded"], 6);
    EXPECT_EQ(row["failed"], 0);
    EXPECT_EQ(row["failures"], json::array());
    EXPECT_EQ(row["prompt_tokens"], 60);
    EXPECT_EQ(row["cached_tokens"], 24);
    EXPECT_EQ(row["tokens_counted_by"], "usage");
    const double seconds = row["seconds"];
    const auto tokens = row["output_tokens"].get<double>();
    EXPECT_NEAR(row["requests_per_second"], 6 / seconds, 1e-6 * 6 / seconds);
    EXPECT_NEAR(row["output_tokens_per_second"], tokens / seconds, 1e-6 * tokens / seconds);
    EXPECT_NEAR(row["total_tokens_per_second"], (60 + tokens) / seconds, 1e-6 * (60 + tokens) / seconds);
    EXPECT_EQ(row["ttft_ms"]["count"], 6);
    EXPECT_EQ(row["itl_ms"]["count"], tokens - 6);
    EXPECT_LE(row["e2e_ms"]["p50"], row["e2e_ms"]["p99"]);
    EXPECT_EQ(row["goodput"]["targets_ms"]["ttft"], 60000);
    EXPECT_EQ(row["goodput"]["requests"], 0) << "nothing takes a nanosecond";
    ASSERT_EQ(row["samples"].size(), 6U);
    EXPECT_EQ(row["samples"][0]["failure"], nullptr);
    EXPECT_EQ(row["samples"][0]["prompt_tokens"], 10);
  }
  EXPECT_EQ(rows[0]["clients"], 1);
  EXPECT_EQ(rows[1]["clients"], 3);

  // The list of models, a probe, and for each row a warm-up of a request for each client.
  std::vector<json> bodies;
  for (const Seen& seen : server.seen())
    if (!test::asks_for_models(seen)) bodies.push_back(json::parse(seen.body));
  ASSERT_EQ(bodies.size(), 1U + 1 + 6 + 3 + 6);
  std::set<std::string> texts;
  for (size_t i = 1; i < bodies.size(); ++i) {
    const json& body = bodies[i];
    EXPECT_EQ(body["model"], "tiny");
    EXPECT_EQ(body["stream"], true);
    EXPECT_EQ(body["temperature"], 0);
    EXPECT_EQ(body["ignore_eos"], true);
    EXPECT_GE(words_of(body), 15);
    EXPECT_LE(words_of(body), 19);
    texts.insert(body["messages"][0]["content"]);
  }
  EXPECT_EQ(texts.size(), bodies.size() - 1) << "no prompt twice";
}

TEST(BenchServe, ATableAndAPicture) {
  const ScriptedServer server(answer);
  const test::TemporaryFolder folder;
  const auto picture = folder.path() / "load.svg";
  const Finished done =
      ferrum({"bench-serve", server.url() + "/v1", "--rate", "500,1000", "--arrivals", "uniform",
              "--requests", "4", "--slo", "ttft:60000", "--plot", picture.string()});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.err, "");
  EXPECT_CONTAINS(done.out, "model 'tiny', chat: prompts of 128 words, answers of 64 tokens, temperature 0");
  EXPECT_CONTAINS(done.out, "tokens are counted by the server's usage");
  EXPECT_CONTAINS(done.out, "\n500/s uniform ");
  EXPECT_CONTAINS(done.out, "\n1000/s uniform ");
  EXPECT_CONTAINS(done.out, " 100%\n");
  for (const char* what : {"first token", "between tokens", "per token", "whole answer"})
    EXPECT_CONTAINS(done.out, what);
  const std::string svg = test::read_file(picture);
  EXPECT_TRUE(svg.starts_with("<?xml"));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  for (const char* what : {">tiny<", ">500/s uniform<", "To the first token, ms", ">target<", ">60000<"})
    EXPECT_CONTAINS(svg, what);
}

TEST(BenchServe, FailuresAreCountedByKind) {
  std::atomic<int> number = 0;
  const ScriptedServer server([&](const Client& client, const Seen& request) {
    if (test::asks_for_models(request)) return client.send(test::kModels);
    const int i = number++;
    if (i == 2) return client.send(test::http_error(429, "slow \x1b[31mdown"));
    if (i == 3) return client.hang_up();
    answer(client, request);
  });
  const Finished done = ferrum({"bench-serve", server.url(), "--requests", "5"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_CONTAINS(done.out, "1 client: 1 failed, HTTP 429: ");
  EXPECT_EQ(done.out.find('\x1b'), std::string::npos) << "text of others is quoted";
}

TEST(BenchServe, WhenNothingSucceedsTheExitCodeSaysSo) {
  std::atomic<int> number = 0;
  const ScriptedServer server([&](const Client& client, const Seen& request) {
    if (test::asks_for_models(request)) return client.send(test::kModels);
    if (number++ == 0) return answer(client, request);  // the probe
    client.send(test::http_error(503, "overloaded"));
  });
  const Finished done = ferrum({"bench-serve", server.url(), "--requests", "2", "--warm-up", "0", "--json"});
  EXPECT_EQ(done.exit_code, 1);
  const json row = json::parse(done.out)[0];
  EXPECT_EQ(row["succeeded"], 0);
  EXPECT_EQ(row["ttft_ms"], nullptr);
  EXPECT_EQ(row["failures"], json::parse(R"([{"kind":"HTTP 503","count":2,"message":"overloaded"}])"));
}

TEST(BenchServe, PromptsOfAFileAndAModelByName) {
  const ScriptedServer server(answer);
  const test::TemporaryFolder folder;
  const std::string file = folder.write("q.jsonl", "\"first\"\n{\"prompt\":\"second\",\"max_tokens\":3}\n");
  const Finished done =
      ferrum({"bench-serve", server.url(), "--model", "mine", "--prompt-file", file, "--requests", "2",
              "--warm-up", "0", "--stop-at-end", "--temperature", "server", "--api-key", "secret"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  ASSERT_EQ(server.seen().size(), 3U) << "no request for models";
  const json second = json::parse(server.seen()[2].body);
  EXPECT_EQ(second, json::parse(R"({"model":"mine","stream":true,"stream_options":{"include_usage":true},
                                    "max_tokens":3,"messages":[{"role":"user","content":"second"}]})"));
  EXPECT_CONTAINS(server.seen()[2].head, "\r\nAuthorization: Bearer secret\r\n");
  EXPECT_EQ(done.out.find("secret"), std::string::npos);
}

// Where a server that was started says that it listens.
std::string url_of(test::Terminal& server) {
  server.expect("listening at ");
  const std::string url = server.expect(";");
  return url.substr(0, url.find(';'));
}
const std::string kModel = (std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf").string();

TEST(BenchServe, MeasuresFerrumsOwnServer) {
  test::Terminal server({"serve", kModel, "--port", "0"});
  const std::string url = url_of(server);
  for (const char* api : {"chat", "completions"}) {
    const Finished done = ferrum({"bench-serve", url, "--api", api, "--clients", "2", "--requests", "4", "-p",
                                  "20", "-n", "8", "--json"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    const json row = json::parse(done.out)[0];
    EXPECT_EQ(row["model"], "demo-dense");
    EXPECT_EQ(row["succeeded"], 4) << row["failures"];
    EXPECT_EQ(row["tokens_counted_by"], "usage");
    EXPECT_EQ(row["output_tokens"], 4 * 8) << "ignore_eos is taken";
    EXPECT_GE(row["prompt_tokens"], 4 * 20);
  }
}

TEST(BenchServe, CertificatesAreCheckedUnlessTheyAreNotToBe) {
  const test::TemporaryFolder folder;
  const std::string certificate = folder.path() / "certificate.pem";
  const std::string key = folder.path() / "key.pem";
  test::write_certificate(certificate, key);
  test::Terminal server({"serve", kModel, "--port", "0", "--tls-cert", certificate, "--tls-key", key});
  const std::string url = url_of(server);
  EXPECT_TRUE(url.starts_with("https://"));
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = {"bench-serve", url, "--requests", "2", "-p", "5", "-n", "4"};
    args.insert(args.end(), more.begin(), more.end());
    return ferrum(args);
  };
  const Finished unknown = run({});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_CONTAINS(unknown.err, "certificate cannot be verified");
  EXPECT_EQ(run({"--tls-ca", certificate}).exit_code, 0);
  EXPECT_EQ(run({"--insecure"}).exit_code, 0);
  EXPECT_CONTAINS(run({"--tls-ca", key}).err, "no certificates in PEM");
}

TEST(BenchServe, MistakesAreNamed) {
  const struct {
    std::vector<std::string> args;
    const char* code;
    const char* word;
  } cases[] = {{{"ftp://x"}, "bad_argument", "http://"},
               {{"http://x", "-p", "0"}, "bad_argument", "--prompt"},
               {{"http://x", "-n", "5-2"}, "bad_argument", "--generate"},
               {{"http://x", "--clients", "4,0"}, "bad_argument", "--clients 0"},
               {{"http://x", "--rate", "0"}, "bad_argument", "--rate 0"},
               {{"http://x", "--slo", "speed:1"}, "bad_argument", "--slo"},
               {{"http://x", "--temperature", "warm"}, "bad_argument", "'warm'"},
               {{"http://x", "--prompt-file", "/no/such"}, "not_found", "/no/such"},
               {{"http://x", "--plot", "/no/such/folder/x.svg"}, "io", "/no/such/folder"},
               {{"unix:/no/such.sock"}, "io", "unix:/no/such.sock:/v1/models"}};
  for (const auto& c : cases) {
    std::vector<std::string> args = {"bench-serve"};
    args.insert(args.end(), c.args.begin(), c.args.end());
    const Finished done = ferrum(args);
    EXPECT_EQ(done.exit_code, 1) << c.word;
    EXPECT_CONTAINS(done.err, c.word);
    EXPECT_CONTAINS(done.err, c.code);
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
  }
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"bench-serve"},
        {"bench-serve", "http://x", "--rate", "1", "--clients", "2"},
        {"bench-serve", "http://x", "--requests", "0"},
        {"bench-serve", "http://x", "--samples"},
        {"bench-serve", "http://x", "--prompt-file", "a", "--prompt", "5"},
        {"bench-serve", "http://x", "--api", "soap"}})
    EXPECT_EQ(ferrum(args).exit_code, 2);
}

}  // namespace
}  // namespace ferrum
