#include "server/metrics.h"

#include <gtest/gtest.h>

#include "support/contains.h"

namespace ferrum::server {
namespace {

TEST(Metrics, AHistogramIsPrometheus) {
  EngineStats stats;
  for (const double seconds : {0.0005, 0.0015, 0.0015, 700.0}) stats.first_token_seconds.observe(seconds);
  stats.prefix_hits = 3;
  stats.refused = 4;
  const std::string text = prometheus_text({{"m", stats}}, 0);
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

}  // namespace
}  // namespace ferrum::server
