// Every stage of sampling against its definition, written as plainly as it can be: full sorts, double
// precision, quadratic loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "backend/cpu/sampling/candidates.h"
#include "backend/cpu/sampling/fast_exp2.h"
#include "backend/cpu/sampling/logit_row.h"
#include "backend/cpu/sampling/row_kernels.h"
#include "base/cpu_features.h"
#include "base/random.h"
#include "engine/sampling/penalties.h"
#include "engine/test_sampler.h"

namespace ferrum {
namespace {

using cpu::Candidate, cpu::Candidates, cpu::LogitRow, cpu::RowKernels, cpu::RowScale, cpu::BlockLook;
using cpu::fast_exp2, cpu::kRowBlock, cpu::row_kernels;

using Row = std::vector<float>;
using Ids = std::vector<TokenId>;
using Distribution = std::map<TokenId, double>;  // probability of each token that may be drawn

float between(double least, double most, uint64_t key, uint64_t i) {
  return static_cast<float>(least + (most - least) * random_uniform(key, i));
}

// Mostly low, a few high, some equal: like a model's, only smaller.
Row random_row(size_t vocab, uint64_t key) {
  Row row(vocab);
  for (size_t i = 0; i < vocab; ++i) {
    row[i] =
        between(-4, 4, key, i) + (random_bits(key, i + 1'000'000) % 16 == 0 ? between(0, 8, key, 3 * i) : 0);
    if (random_bits(key, i + 2'000'000) % 4 == 0) row[i] = std::round(row[i]);
  }
  return row;
}

SamplingOptions plain() {
  SamplingOptions o;
  o.temperature = 1;
  o.top_k = 0;
  o.top_p = 1;
  o.min_p = 0;
  return o;
}

Distribution normalised(Distribution d) {
  double total = 0;
  for (const auto& [id, p] : d) total += p;
  for (auto& [id, p] : d) p /= total;
  return d;
}

// Ids by falling `value`, of equal values the lower id first.
template <class Value>
Ids sorted(const Distribution& d, const Value& value) {
  Ids ids;
  for (const auto& [id, p] : d) ids.push_back(id);
  std::stable_sort(ids.begin(), ids.end(), [&](TokenId a, TokenId b) { return value(a) > value(b); });
  return ids;
}

Distribution first_of(const Distribution& d, const Ids& order, double mass) {
  Distribution kept;
  double sum = 0;
  for (const TokenId id : order) {
    if (sum >= mass) break;
    kept[id] = d.at(id);
    sum += d.at(id);
  }
  return normalised(kept);
}

// The chain from temperature on, `xtc` telling whether XTC's coin fell.
Distribution specified(const Row& row, const SamplingOptions& o, bool xtc) {
  const double largest = *std::max_element(row.begin(), row.end());
  Distribution d;
  for (size_t i = 0; i < row.size(); ++i)
    if (const double p = std::exp((row[i] - largest) / o.temperature); p > 0) d[static_cast<TokenId>(i)] = p;
  d = normalised(d);
  const auto logit = [&](TokenId id) { return row[static_cast<size_t>(id)]; };
  if (o.top_k > 0) {
    const Ids order = sorted(d, logit);
    Distribution kept;
    for (size_t i = 0; i < std::min(order.size(), static_cast<size_t>(o.top_k)); ++i)
      kept[order[i]] = d[order[i]];
    d = normalised(kept);
  }
  if (o.typical_p < 1) {
    double entropy = 0;
    for (const auto& [id, p] : d) entropy -= p * std::log(p);
    d = first_of(d, sorted(d, [&](TokenId id) { return -std::abs(-std::log(d.at(id)) - entropy); }),
                 o.typical_p);
  }
  if (o.top_p < 1) d = first_of(d, sorted(d, logit), o.top_p);
  if (o.min_p > 0) {
    double most = 0;
    for (const auto& [id, p] : d) most = std::max(most, p);
    std::erase_if(d, [&](const auto& token) { return token.second < static_cast<double>(o.min_p) * most; });
    d = normalised(d);
  }
  if (xtc) {
    Ids viable;
    for (const TokenId id : sorted(d, logit))
      if (d.at(id) >= o.xtc_threshold) viable.push_back(id);
    for (size_t i = 0; i + 1 < viable.size(); ++i) d.erase(viable[i]);
    d = normalised(d);
  }
  return d;
}

// How often each token is drawn over many positions of one seed.
std::map<TokenId, int> histogram(const Row& row, const SamplingOptions& options, int draws) {
  test::TestSampler sampler(options, 7);
  std::map<TokenId, int> counts;
  const Ids history(static_cast<size_t>(draws), 0);
  for (int i = 0; i < draws; ++i)
    ++counts[sampler.sample(row, std::span(history).first(static_cast<size_t>(i)))];
  return counts;
}

// Pearson's test at 5 standard deviations of the chi-squared distribution; rare tokens are counted together.
void expect_distribution(const std::map<TokenId, int>& counts, const Distribution& expected,
                         const std::string& what) {
  int draws = 0;
  for (const auto& [id, count] : counts) {
    draws += count;
    EXPECT_TRUE(expected.contains(id)) << what << ": token " << id << " cannot be drawn";
  }
  double statistic = 0, rare_expected = 0;
  int degrees = -1, rare = 0;
  const auto add = [&](double found, double wanted) {
    statistic += (found - wanted) * (found - wanted) / wanted;
    ++degrees;
  };
  for (const auto& [id, p] : expected) {
    const int found = counts.contains(id) ? counts.at(id) : 0;
    if (p * draws >= 10) {
      add(found, p * draws);
    } else {
      rare += found;
      rare_expected += p * draws;
    }
  }
  if (rare_expected >= 5) add(rare, rare_expected);
  EXPECT_LE(statistic, degrees + 5 * std::sqrt(2.0 * degrees) + 1e-9)
      << what << ", " << degrees << " degrees";
}

std::set<TokenId> ids_of(const Distribution& d) {
  std::set<TokenId> ids;
  for (const auto& [id, p] : d) ids.insert(id);
  return ids;
}

TEST(FastExp2, IsCloseExactAtZeroAndEndsInZero) {
  EXPECT_EQ(fast_exp2(0), 1.0f);
  EXPECT_EQ(fast_exp2(-126.5f), 0.0f);
  EXPECT_EQ(fast_exp2(-std::numeric_limits<float>::infinity()), 0.0f);
  EXPECT_EQ(fast_exp2(std::numeric_limits<float>::lowest()), 0.0f);
  for (int i = 0; i <= 100000; ++i) {
    const float x = -126.0f * static_cast<float>(i) / 100000;
    ASSERT_NEAR(fast_exp2(x) / std::exp2(static_cast<double>(x)), 1, 4e-7) << x;
  }
}

TEST(RowKernels, GiveTheSameBitsInEverySet) {
  const std::vector<Isa> sets = available_isas();
  std::vector<float> expected;
  for (const Isa isa : sets) {
    const RowKernels& kernels = row_kernels(isa);
    std::vector<float> got;
    for (uint64_t key = 0; key < 50; ++key) {
      Row row = random_row(kRowBlock, key);
      if (key % 2 == 0) row[key] = -std::numeric_limits<float>::infinity();
      const BlockLook look = kernels.look(row.data());
      EXPECT_FALSE(look.has_nan);
      Row weights(kRowBlock);
      kernels.weigh(row.data(), {look.largest, 3.7f}, weights.data());
      got.insert(got.end(), weights.begin(), weights.end());
      got.insert(got.end(), {look.largest, kernels.sum(weights.data()),
                             kernels.sum_below(weights.data(), row.data(), look.largest)});
    }
    if (expected.empty()) expected = got;
    EXPECT_EQ(got, expected) << name_of(isa);
  }
}

TEST(RowKernels, MasksWholeAndPartialWordsInEverySet) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const Isa isa : available_isas())
    for (const size_t size : {1, 31, 32, 33, 95, 300}) {
      Row row = random_row(size, size);
      row[size / 2] = std::numeric_limits<float>::quiet_NaN();
      std::vector<uint32_t> words((size + 31) / 32);
      for (size_t w = 0; w < words.size(); ++w) words[w] = static_cast<uint32_t>(random_bits(w, size));
      if (words.size() > 2) words[0] = 0, words[1] = ~uint32_t{0};
      Row out(size, 1.0f);
      row_kernels(isa).mask(row.data(), words.data(), size, out.data());
      for (size_t i = 0; i < size; ++i)
        if (i == size / 2) {
          EXPECT_TRUE(std::isnan(out[i])) << i;
        } else {
          EXPECT_EQ(out[i], (words[i / 32] >> (i % 32) & 1) != 0 ? row[i] : -kInfinity) << i;
        }
    }
}

TEST(LogitRow, LooksAtEveryLogit) {
  for (const size_t size : {1, 3, 127, 128, 129, 1000, 4096}) {
    for (uint64_t key = 0; key < 20; ++key) {
      Row row = random_row(size, key);
      LogitRow r;
      r.read(row);
      const auto largest = std::max_element(row.begin(), row.end());
      EXPECT_EQ(r.largest(), *largest);
      EXPECT_EQ(r.most_likely(), largest - row.begin());
      EXPECT_FALSE(r.has_nan());
      r.set_temperature(0.7f);
      double total = 0, mean = 0;
      for (const float x : row) {
        const double w = std::exp((static_cast<double>(x) - *largest) / 0.7f);
        total += w;
        mean += w * x;
      }
      EXPECT_NEAR(r.total() / total, 1, 1e-6);
      EXPECT_NEAR(r.mean_logit(r.total()), mean / total, 1e-5);
      row[random_bits(key, 5) % size] = std::numeric_limits<float>::quiet_NaN();
      r.read(row);
      EXPECT_TRUE(r.has_nan()) << size;
    }
  }
}

TEST(LogitRow, GathersTheMostLikely) {
  for (const size_t size : {1, 100, 128, 1000, 5000}) {
    const Row row = random_row(size, size);
    Ids order(size);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
      return row[static_cast<size_t>(a)] > row[static_cast<size_t>(b)];
    });
    LogitRow r;
    r.read(row);
    r.set_temperature(1);
    for (const size_t k : {1, 2, 7, 40, 300, 4000, 9999}) {
      Candidates c;
      r.gather_most_likely(k, c);
      c.sort();
      ASSERT_EQ(c.size(), std::min(k, size));
      for (size_t i = 0; i < c.size(); ++i) ASSERT_EQ(c.all()[i].id, order[i]) << size << ", k " << k;
    }
  }
}

// Each stage alone, on rows whose distribution is steep enough that every token kept is drawn.
TEST(SamplingStages, EachAlone) {
  struct Case {
    const char* what;
    void (*change)(SamplingOptions&);
  };
  const Case cases[] = {
      {"temperature 0.5", [](auto& o) { o.temperature = 0.5f; }},
      {"temperature 3", [](auto& o) { o.temperature = 3; }},
      {"top-k 5", [](auto& o) { o.top_k = 5; }},
      {"typical 0.3", [](auto& o) { o.typical_p = 0.3f; }},
      {"typical 0.9", [](auto& o) { o.typical_p = 0.9f; }},
      {"top-p 0.3", [](auto& o) { o.top_p = 0.3f; }},
      {"top-p 0.95", [](auto& o) { o.top_p = 0.95f; }},
      {"min-p 0.02", [](auto& o) { o.min_p = 0.02f; }},
      {"min-p 0.5", [](auto& o) { o.min_p = 0.5f; }},
      {"xtc 0.05", [](auto& o) { o.xtc_probability = 1, o.xtc_threshold = 0.05f; }},
      {"xtc 0", [](auto& o) { o.xtc_probability = 1, o.xtc_threshold = 0; }},
      {"xtc 0.9", [](auto& o) { o.xtc_probability = 1, o.xtc_threshold = 0.9f; }},
  };
  for (const Case& c : cases) {
    for (uint64_t key = 0; key < 4; ++key) {
      SamplingOptions o = plain();
      c.change(o);
      const Row row = random_row(300, key);
      const Distribution expected = specified(row, o, o.xtc_probability == 1);
      expect_distribution(histogram(row, o, 4000), expected, c.what);
    }
  }
}

TEST(SamplingStages, AllTogether) {
  for (uint64_t key = 0; key < 12; ++key) {
    SamplingOptions o;
    o.temperature = 1.3f;
    o.top_k = key % 2 == 0 ? 60 : 0;
    o.typical_p = key % 3 == 0 ? 1 : 0.9f;
    o.top_p = 0.92f;
    o.min_p = 0.03f;
    o.xtc_threshold = 0.1f;
    o.xtc_probability = 0.5f;
    const Row row = random_row(700, 40 + key);
    Distribution expected;
    for (const auto& [id, p] : specified(row, o, false)) expected[id] += p / 2;
    for (const auto& [id, p] : specified(row, o, true)) expected[id] += p / 2;
    expect_distribution(histogram(row, o, 4000), expected, "row " + std::to_string(key));
  }
}

// What is kept must be right to the last token, whether it would be drawn or not.
TEST(SamplingStages, KeepExactlyWhatTheySay) {
  for (uint64_t key = 0; key < 60; ++key) {
    const size_t vocab = 1 + random_bits(key, 0) % 600;
    const Row row = random_row(vocab, 100 + key);
    SamplingOptions o = plain();
    o.temperature = between(0.2, 5, key, 1);
    const float share = between(0.01, 0.999, key, 2);
    LogitRow r;
    r.read(row);
    r.set_temperature(o.temperature);
    const auto kept = [&](auto&& narrow) {
      Candidates c;
      narrow(c);
      std::set<TokenId> ids;
      for (const Candidate& candidate : c.all()) ids.insert(candidate.id);
      return ids;
    };
    o.top_p = share;
    EXPECT_EQ(kept([&](Candidates& c) {
                const double mass = share * r.total();
                r.gather_mass(r.largest(), mass, -std::numeric_limits<double>::infinity(), c);
                c.keep_nucleus(mass);
              }),
              ids_of(specified(row, o, false)))
        << "top-p " << share << " of row " << key;
    o.top_p = 1;
    o.min_p = share;
    EXPECT_EQ(kept([&](Candidates& c) {
                r.gather(-std::numeric_limits<float>::infinity(), c);
                c.keep_min_p(share);
              }),
              ids_of(specified(row, o, false)))
        << "min-p " << share << " of row " << key;
    // Of equal distance from the entropy, a token above and one below differ by rounding only: no row
    // of whole numbers here.
    Row other(vocab);
    for (size_t i = 0; i < vocab; ++i) other[i] = between(-6, 6, key + 900, i);
    r.read(other);
    o.min_p = 0;
    o.typical_p = share;
    EXPECT_EQ(kept([&](Candidates& c) {
                const double total = r.total();
                const double mean = r.mean_logit(total);
                r.gather_mass(mean, share * total, -std::numeric_limits<double>::infinity(), c);
                c.keep_typical(mean, share * total);
              }),
              ids_of(specified(other, o, false)))
        << "typical " << share << " of row " << key;
  }
}

TEST(Penalties, OccurrencesAreThoseOfTheAnswer) {
  SamplingOptions o = plain();
  o.temperature = 0;
  o.presence_penalty = 1;
  o.frequency_penalty = 0.5f;
  const Ids history = {0, 0, 0, 1, 1, 2};
  test::TestSampler sampler(o, 1, {.prompt_tokens = 3});
  // Token 1 loses 1 + 2 · 0.5, token 2 loses 1.5, token 0 nothing: it occurs in the prompt only.
  EXPECT_EQ(sampler.sample(Row{3, 4.9f, 4, 0}, history), 0);
  EXPECT_EQ(sampler.sample(Row{3, 5.1f, 4.4f, 0}, history), 1);
  EXPECT_EQ(sampler.sample(Row{3, 5.1f, 4.7f, 0}, history), 2);
}

TEST(Penalties, LogitBiasComesFirst) {
  SamplingOptions o = plain();
  o.temperature = 0;
  o.logit_bias = {{0, -5.0f}, {2, 3.0f}};
  EXPECT_EQ(test::TestSampler(o, 1).sample(Row{4, 2, 0}, {}), 2);
  o.repetition_penalty = 4;
  EXPECT_EQ(test::TestSampler(o, 1).sample(Row{4, 2, 0}, Ids{2}), 1) << "3 / 4 < 2";
  o.logit_bias = {{1, -std::numeric_limits<float>::infinity()}};
  EXPECT_EQ(test::TestSampler(o, 1).sample(Row{1, 9, 0}, {}), 0);
}

// The longest n for which the last n tokens, followed by `next`, occur earlier in `recent`.
int repeated(const Ids& recent, TokenId next, const std::set<TokenId>& breakers) {
  int longest = 0;
  const auto size = static_cast<int>(recent.size());
  for (int at = 0; at < size; ++at) {  // the position of `next`
    if (recent[static_cast<size_t>(at)] != next) continue;
    int n = 0;
    while (n < at && recent[static_cast<size_t>(at - 1 - n)] == recent[static_cast<size_t>(size - 1 - n)] &&
           !breakers.contains(recent[static_cast<size_t>(at - 1 - n)]))
      ++n;
    longest = std::max(longest, n);
  }
  return longest;
}

TEST(Penalties, DryAgainstItsDefinition) {
  constexpr int kVocab = 6;
  DrawList list(kVocab);
  for (uint64_t key = 0; key < 2000; ++key) {
    const size_t size = random_bits(key, 0) % 40;
    const uint64_t different = 1 + random_bits(key, 1) % kVocab;  // 1: one token over and over
    Ids recent;
    for (size_t i = 0; i < size; ++i)
      recent.push_back(static_cast<TokenId>(random_bits(key, 10 + i) % different));
    std::set<TokenId> breaking;
    if (key % 2 == 0) breaking.insert(static_cast<TokenId>(random_bits(key, 2) % kVocab));
    const DryBreakers breakers(Ids(breaking.begin(), breaking.end()));
    const int allowed = 1 + static_cast<int>(random_bits(key, 3) % 4);
    Row row(kVocab, 0.0f), expected(kVocab, 0.0f);
    list.clear();
    list.begin_group();
    list.add(0);
    add_dry({0.8f, 1.75f, allowed}, recent, key % 4 == 1 ? nullptr : &breakers, list);
    for (const LogitEdit& e : list.edits()) row[static_cast<size_t>(e.id)] -= e.dry;
    for (TokenId id = 0; id < kVocab; ++id) {
      const int n = repeated(recent, id, breaking);
      if (n >= allowed && !breaking.contains(id))
        expected[static_cast<size_t>(id)] = static_cast<float>(-0.8f * std::pow(1.75, n - allowed));
    }
    for (size_t i = 0; i < kVocab; ++i) ASSERT_NEAR(row[i], expected[i], 1e-5 * std::abs(expected[i])) << key;
  }
}

TEST(Penalties, DryIsLinearAndFinite) {
  // One token 200,000 times: a quadratic search would take minutes, and 1.75^200000 is no number.
  const Ids recent(200'000, 1);
  DrawList list(3);
  list.begin_group();
  list.add(0);
  add_dry({0.8f, 1.75f, 2}, recent, nullptr, list);
  ASSERT_EQ(list.edits().size(), 1u);
  EXPECT_EQ(list.edits()[0].id, 1);
  EXPECT_TRUE(std::isfinite(list.edits()[0].dry));
  EXPECT_GT(list.edits()[0].dry, 1e20f);
}

}  // namespace
}  // namespace ferrum
