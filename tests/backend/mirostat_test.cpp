#include "backend/cpu/sampling/mirostat.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"

namespace ferrum {
namespace {

using cpu::Candidate, cpu::Candidates, cpu::LogitRow, cpu::Mirostat, cpu::MirostatTarget;
using Version = Mirostat::Version;

// Zipf's law over `vocab` tokens, in an order of its own.
std::vector<float> zipf(size_t vocab, double exponent) {
  std::vector<float> row(vocab);
  for (size_t i = 0; i < vocab; ++i)
    row[(i * 7919) % vocab] = static_cast<float>(-exponent * std::log(static_cast<double>(i) + 1));
  return row;
}

// The paper's loop with full sorts, in double precision. Draws what `uniform` points at, most likely first.
class Specified {
 public:
  Specified(Version version, MirostatTarget target)
      : version_(version), target_(target), mu_(2.0 * target.tau) {}

  int32_t draw(const std::vector<float>& row, double uniform) {
    std::vector<int32_t> order(row.size());
    std::iota(order.begin(), order.end(), 0);
    const auto logit = [&](int32_t id) { return static_cast<double>(row[static_cast<size_t>(id)]); };
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return logit(a) > logit(b); });
    std::vector<double> p;
    double total = 0;
    for (const int32_t id : order) total += std::exp(logit(id) - logit(order[0]));
    for (const int32_t id : order) p.push_back(std::exp(logit(id) - logit(order[0])) / total);

    size_t kept = 0;
    if (version_ == Version::kThreshold) {
      while (kept < p.size() && (kept == 0 || -std::log2(p[kept]) <= mu_)) ++kept;
    } else {
      double products = 0, squares = 0;
      for (size_t i = 0; i < std::min<size_t>(99, p.size() - 1); ++i) {
        const double t = std::log((i + 2.0) / (i + 1.0));
        products += t * std::log(p[i] / p[i + 1]);
        squares += t * t;
      }
      const double s = products / squares, epsilon = s - 1;
      const double k =
          std::pow(epsilon * std::exp2(mu_) / (1 - std::pow(double(row.size()), -epsilon)), 1 / s);
      kept = static_cast<size_t>(std::round(std::clamp(k, 1.0, double(row.size()))));
    }
    double mass = 0;
    for (size_t i = 0; i < kept; ++i) mass += p[i];
    double rest = uniform * mass;
    size_t drawn = 0;
    while (drawn + 1 < kept && (rest -= p[drawn]) > 0) ++drawn;
    mu_ -= target_.eta * (-std::log2(p[drawn]) - target_.tau);
    return order[drawn];
  }

 private:
  Version version_;
  MirostatTarget target_;
  double mu_;
};

TEST(Mirostat, AgainstItsDefinition) {
  for (const Version version : {Version::kTopK, Version::kThreshold}) {
    for (const double exponent : {0.8, 1.2, 2.0}) {
      const MirostatTarget target = {4, 0.2f};
      Mirostat mirostat(version, target, 2 * target.tau);
      Specified specified(version, target);
      const std::vector<float> row = zipf(3000, exponent);
      LogitRow r;
      r.read(row);
      r.set_temperature(1);
      Candidates candidates;
      for (uint64_t i = 0; i < 300; ++i) {
        const double uniform = random_uniform(3, i);
        ASSERT_EQ(mirostat.draw(r, uniform, candidates), specified.draw(row, uniform))
            << "version " << static_cast<int>(version) << ", exponent " << exponent << ", draw " << i;
      }
    }
  }
}

TEST(Mirostat, HoldsTheSurprise) {
  for (const Version version : {Version::kTopK, Version::kThreshold}) {
    for (const float tau : {3.5f, 5.0f, 6.0f}) {  // between the likeliest token's 2.8 and the entropy
      Mirostat mirostat(version, {tau, 0.1f}, 2 * tau);
      const std::vector<float> row = zipf(20000, 1.1);
      LogitRow r;
      r.read(row);
      r.set_temperature(1);
      const double total = r.total();
      Candidates candidates;
      double surprise = 0;
      constexpr int kDraws = 2000;
      for (int i = 0; i < kDraws; ++i) {
        const int32_t id = mirostat.draw(r, random_uniform(5, static_cast<uint64_t>(i)), candidates);
        surprise += std::log2(total / r.weight(row[static_cast<size_t>(id)]));
      }
      EXPECT_NEAR(surprise / kDraws, tau, 0.15) << "version " << static_cast<int>(version);
    }
  }
}

TEST(Mirostat, OneTokenAlwaysStays) {
  for (const Version version : {Version::kTopK, Version::kThreshold}) {
    Mirostat mirostat(version, {0, 1}, 0);
    const std::vector<float> row = {0, 3, 0, -std::numeric_limits<float>::infinity()};
    LogitRow r;
    r.read(row);
    r.set_temperature(0.01f);
    Candidates candidates;
    for (int i = 0; i < 50; ++i) EXPECT_EQ(mirostat.draw(r, 0.99, candidates), 1);
  }
}

}  // namespace
}  // namespace ferrum
