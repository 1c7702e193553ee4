#include "server/metrics.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>
#include <optional>
#include <set>
#include <sstream>

#include "server/process_stats.h"
#include "server/served.h"
#include "support/contains.h"
#include "support/files.h"

namespace ferrum::server {
namespace {

TEST(Metrics, AHistogramIsPrometheus) {
  EngineStats stats;
  for (const double seconds : {0.0005, 0.0015, 0.0015, 700.0}) stats.first_token_seconds.observe(seconds);
  stats.prefix_hits = 3;
  stats.refused = 4;
  const std::string text = prometheus_text({{"m", stats}}, {});
  EXPECT_CONTAINS(text, "\n# TYPE ferrum_time_to_first_token_seconds histogram\n");
  const std::string name = "\nferrum_time_to_first_token_seconds";
  EXPECT_CONTAINS(text, name + "_bucket{model=\"m\",le=\"0.001\"} 1\n");
  EXPECT_CONTAINS(text, name + "_bucket{model=\"m\",le=\"0.002\"} 3\n");
  EXPECT_CONTAINS(text, name + "_bucket{model=\"m\",le=\"500\"} 3\n");
  EXPECT_CONTAINS(text, name + "_bucket{model=\"m\",le=\"+Inf\"} 4\n");
  EXPECT_CONTAINS(text, name + "_sum{model=\"m\"} 700.0035\n");
  EXPECT_CONTAINS(text, name + "_count{model=\"m\"} 4\n");
  EXPECT_CONTAINS(text, "\nferrum_step_sequences_bucket{model=\"m\",le=\"1\"} 0\n");
  EXPECT_CONTAINS(text, "\nferrum_prefix_hits_total{model=\"m\"} 3\n");
  EXPECT_CONTAINS(text, "\nferrum_requests_refused_total{model=\"m\"} 4\n");
}

// Each sample belongs to a metric that HELP and TYPE described before it, once, and counters end in _total.
void expect_exposition_format(const std::string& text) {
  std::set<std::string> described;
  std::string family;
  std::string type;
  std::set<std::string> samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, kind, name;
    if (line.starts_with('#')) {
      words >> hash >> kind >> name;
      if (kind == "HELP") {
        EXPECT_TRUE(described.insert(name).second) << line;
        family = name;
      } else {
        EXPECT_EQ(kind, "TYPE") << line;
        EXPECT_EQ(name, family) << line;
        words >> type;
        EXPECT_EQ(type == "counter", name.ends_with("_total")) << line;
      }
      continue;
    }
    const std::string sample = line.substr(0, line.rfind(' '));
    EXPECT_TRUE(samples.insert(sample).second) << line;
    std::string base = sample.substr(0, sample.find('{'));
    if (type == "histogram")
      for (const std::string_view suffix : {"_bucket", "_sum", "_count"})
        if (base == family + std::string(suffix)) base = family;
    EXPECT_EQ(base, family) << line;
    size_t read = 0;
    const std::string value = line.substr(line.rfind(' ') + 1);
    (void)std::stod(value, &read);
    EXPECT_EQ(read, value.size()) << line;
  }
  EXPECT_FALSE(described.empty());
}

TEST(Metrics, EverythingIsInTheExpositionFormat) {
  test::Served served;
  served.server.models().add("strange \"name\" \\ \n", served.engine);
  test::Client client = served.client();
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
  const std::string text = client.ask("GET", "/metrics").body;
  expect_exposition_format(text);
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                           "process_max_fds", "process_start_time_seconds", "process_virtual_memory_bytes",
                           "ferrum_build_info", "ferrum_connections"})
    EXPECT_CONTAINS(text, std::string("\n# TYPE ") + name + " ");
  expect_exposition_format(prometheus_text({}, {}));
}

TEST(Metrics, RequestsAreCountedByRouteMethodAndStatus) {
  test::Served served;
  test::Client client = served.client();
  client.ask("GET", "/v1/models/fake");
  client.ask("GET", "/models/none");
  for (int i = 0; i < 3; ++i) client.ask("GET", "/no/such/path" + std::to_string(i));
  client.ask("MADEUP", "/x");
  client.ask("GET", "/v1/chat/completions");
  client.post("/v1/chat/completions",
              R"({"model":"fake","stream":true,"messages":[{"role":"user","content":"hi"}]})");
  test::Client broken = served.client();
  broken.send("broken\r\n\r\n");
  broken.read();
  const std::string text = client.ask("GET", "/metrics").body;
  const auto expect = [&](const char* path, const char* method, int status, int count) {
    EXPECT_CONTAINS(
        text, fmt::format("ferrum_http_requests_total{{path=\"{}\",method=\"{}\",status=\"{}\"}} {}\n", path,
                          method, status, count));
  };
  expect("/v1/models/*", "GET", 200, 1);
  expect("/v1/models/*", "GET", 404, 1);
  expect("other", "GET", 404, 3);
  expect("other", "other", 404, 1);
  expect("/v1/chat/completions", "GET", 405, 1);
  expect("/v1/chat/completions", "POST", 200, 1);
  expect("other", "other", 400, 1);
}

TEST(Metrics, OfThisProcess) {
  const std::optional<ProcessStats> stats = process_stats();
  ASSERT_TRUE(stats);
  EXPECT_GT(stats->resident_bytes, 1u << 20);
  EXPECT_GE(stats->virtual_bytes, stats->resident_bytes);
  EXPECT_GE(stats->open_files, 3u);
  EXPECT_GE(stats->max_files, stats->open_files);
  const double now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(stats->start_time, now + 1);
  EXPECT_GT(stats->start_time, now - 3600);
}

TEST(Metrics, EachIsDocumented) {
  test::Served served;
  std::istringstream lines(served.client().ask("GET", "/metrics").body);
  const std::string page =
      test::read_file(std::filesystem::path(FERRUM_SOURCE_DIR) / "docs" / "observability.md");
  int metrics = 0;
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view kType = "# TYPE ";
    if (!line.starts_with(kType)) continue;
    const std::string name = line.substr(kType.size(), line.find(' ', kType.size()) - kType.size());
    EXPECT_NE(page.find("`" + name), std::string::npos) << name;
    ++metrics;
  }
  EXPECT_GT(metrics, 25);
}

// Skipped without promtool, which is in Debian's package prometheus.
TEST(Metrics, PromtoolHasNoComplaints) {
  if (std::system("command -v promtool > /dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
  test::Served served;
  test::Client client = served.client();
  client.ask("GET", "/health");
  const test::TemporaryFolder folder;
  folder.write("metrics", client.ask("GET", "/metrics").body);
  const std::string file = (folder.path() / "metrics").string();
  EXPECT_EQ(std::system(("promtool check metrics < " + file).c_str()), 0);
}

}  // namespace
}  // namespace ferrum::server
