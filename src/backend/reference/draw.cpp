// Drawing tokens: every token of the vocabulary is sorted, weighed and summed in double.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "backend/reference/reference_backend.h"
#include "base/check.h"
#include "base/random.h"

namespace ferrum {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Token {
  int32_t id;
  double logit;
  double weight;
};
using Tokens = std::vector<Token>;

bool more_likely(const Token& a, const Token& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

double mass(const Tokens& tokens) {
  double sum = 0;
  for (const Token& t : tokens) sum += t.weight;
  return sum;
}

double mean_logit(const Tokens& tokens) {
  double sum = 0;
  for (const Token& t : tokens) sum += t.weight * t.logit;
  return sum / mass(tokens);
}

// Keeps the first tokens whose weights reach `least`, at least one.
void keep_mass(Tokens& tokens, double least) {
  double sum = 0;
  size_t count = 0;
  while (count < tokens.size() && (count == 0 || sum < least)) sum += tokens[count++].weight;
  tokens.resize(count);
}

Token drawn_of(const Tokens& tokens, double uniform) {
  const double at = uniform * mass(tokens);
  double sum = 0;
  for (const Token& t : tokens)
    if ((sum += t.weight) >= at && t.weight > 0) return t;
  return tokens.back();
}

// e^((l − largest) / temperature) of what is above −∞, in order of id.
Tokens weighed(const std::vector<float>& logits, double temperature) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  Tokens tokens;
  for (size_t i = 0; i < logits.size(); ++i)
    if (logits[i] > -kInfinity)
      tokens.push_back({static_cast<int32_t>(i), logits[i], std::exp((logits[i] - largest) / temperature)});
  return tokens;
}

int32_t filtered(Tokens tokens, const Draw& draw, size_t vocab) {
  const Chain& c = draw.chain;
  const double uniform = random_uniform(draw.seed, draw.position);
  const bool xtc = c.xtc_probability > 0 &&
                   random_uniform(draw.seed, draw.position + (uint64_t{1} << 56)) < c.xtc_probability;
  const bool top_k = c.top_k > 0 && static_cast<size_t>(c.top_k) < vocab;
  if (!top_k && c.typical_p == 1 && c.top_p == 1 && c.min_p == 0 && !xtc) return drawn_of(tokens, uniform).id;

  std::sort(tokens.begin(), tokens.end(), more_likely);
  if (top_k && static_cast<size_t>(c.top_k) < tokens.size()) tokens.resize(static_cast<size_t>(c.top_k));
  if (c.typical_p < 1) {
    const double mean = mean_logit(tokens);
    const double least = c.typical_p * mass(tokens);
    std::sort(tokens.begin(), tokens.end(), [mean](const Token& a, const Token& b) {
      const double of_a = std::abs(a.logit - mean), of_b = std::abs(b.logit - mean);
      return of_a != of_b ? of_a < of_b : a.id < b.id;
    });
    keep_mass(tokens, least);
    std::sort(tokens.begin(), tokens.end(), more_likely);
  }
  if (c.top_p < 1) keep_mass(tokens, c.top_p * mass(tokens));
  if (c.min_p > 0)
    std::erase_if(tokens,
                  [least = c.min_p * tokens.front().weight](const Token& t) { return t.weight < least; });
  if (xtc) {
    const double least = c.xtc_threshold * mass(tokens);
    const auto above =
        std::count_if(tokens.begin(), tokens.end(), [&](const Token& t) { return t.weight >= least; });
    if (above > 1) tokens.erase(tokens.begin(), tokens.begin() + (above - 1));
  }
  return drawn_of(tokens, uniform).id;
}

int32_t mirostat(Tokens tokens, const Draw& draw, size_t vocab, double& bound) {
  const Chain& c = draw.chain;
  const double total = mass(tokens);
  std::sort(tokens.begin(), tokens.end(), more_likely);
  if (c.mirostat == 1) {
    // Zipf's exponent of the 100 most likely tokens, by least squares.
    double products = 0, squares = 0;
    for (size_t i = 0; i + 1 < std::min<size_t>(100, tokens.size()); ++i) {
      const double step = std::log((i + 2.0) / (i + 1.0));
      products += step * std::log(tokens[i].weight / tokens[i + 1].weight);
      squares += step * step;
    }
    const double s = squares > 0 ? products / squares : 1;
    const double epsilon = s - 1;
    const auto n = static_cast<double>(vocab);
    const double factor = std::abs(epsilon) > 1e-6 ? epsilon / (1 - std::pow(n, -epsilon)) : 1 / std::log(n);
    const double k = s > 0 ? std::pow(factor * std::exp2(bound), 1 / s) : n;
    const double kept = std::round(std::clamp(std::isnan(k) ? n : k, 1.0, n));
    if (kept < static_cast<double>(tokens.size())) tokens.resize(static_cast<size_t>(kept));
  } else {
    const Token first = tokens.front();
    std::erase_if(tokens, [&](const Token& t) { return std::log2(total / t.weight) > bound; });
    if (tokens.empty()) tokens.push_back(first);
  }
  const Token drawn = drawn_of(tokens, random_uniform(draw.seed, draw.position));
  bound -= c.mirostat_eta * (std::log2(total / drawn.weight) - c.mirostat_tau);
  return drawn.id;
}

// The row as the draw sees it.
std::vector<float> changed(std::vector<float> logits, const Draw& draw, const Draws& draws) {
  for (int i = draw.first_edit; i < draw.first_edit + draw.edits; ++i) {
    const auto& e = *static_cast<const LogitEdit*>(draws.edits.address(i, 0));
    float& logit = logits.at(static_cast<size_t>(e.id));
    logit += e.add;
    logit = logit > 0 ? logit / e.repetition : logit * e.repetition;
    logit -= e.occurrence;
    logit -= e.dry;
  }
  if (draw.mask == Draw::kNone) return logits;
  for (size_t i = 0; i < logits.size(); ++i) {
    const auto word = static_cast<uint32_t>(*draws.masks.at<int32_t>(draw.mask, static_cast<int>(i / 32)));
    if ((word >> (i % 32) & 1) == 0) logits[i] += -kInfinity;
  }
  return logits;
}

// What is wrong with a row.
std::optional<Drawn::State> fault_of(const std::vector<float>& logits) {
  if (std::any_of(logits.begin(), logits.end(), [](float x) { return std::isnan(x); }))
    return Drawn::State::kNaN;
  if (!std::isfinite(*std::max_element(logits.begin(), logits.end()))) return Drawn::State::kNotFinite;
  return std::nullopt;
}

void pick(const std::vector<float>& logits, const Draw& draw, const Draws& draws, Drawn& drawn) {
  const std::vector<float> row = draw.given == Draw::kNone ? changed(logits, draw, draws) : logits;
  if (const std::optional<Drawn::State> fault = fault_of(row)) {
    const bool has_some = std::any_of(logits.begin(), logits.end(), [](float x) { return x > -kInfinity; });
    const bool is_empty = *std::max_element(row.begin(), row.end()) == -kInfinity;
    drawn.state =
        *fault == Drawn::State::kNotFinite && is_empty && has_some ? Drawn::State::kNoneLeft : *fault;
  } else if (draw.given != Draw::kNone) {
    drawn.token = draw.given;
  } else if (draw.chain.temperature == 0) {
    drawn.token = static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
  } else {
    Tokens tokens = weighed(row, draw.chain.temperature);
    drawn.token = draw.chain.mirostat != 0 ? mirostat(std::move(tokens), draw, row.size(), drawn.bound)
                                           : filtered(std::move(tokens), draw, row.size());
  }
}

void write_logprobs(const std::vector<float>& logits, const Draw& draw, const DrawResults& out, int index,
                    Drawn& drawn) {
  Tokens tokens = weighed(logits, 1);
  const double log_total = *std::max_element(logits.begin(), logits.end()) + std::log(mass(tokens));
  drawn.logprob = static_cast<float>(logits.at(static_cast<size_t>(drawn.token)) - log_total);
  // Float32's normal range ends here: a smaller share is none.
  std::erase_if(tokens, [](const Token& t) { return t.weight < 0x1p-126; });
  std::sort(tokens.begin(), tokens.end(), more_likely);
  for (; drawn.top < draw.top && static_cast<size_t>(drawn.top) < tokens.size(); ++drawn.top) {
    const Token& t = tokens[static_cast<size_t>(drawn.top)];
    *out.top_ids.at<int32_t>(index, drawn.top) = t.id;
    *out.top_logprobs.at<float>(index, drawn.top) = static_cast<float>(t.logit - log_total);
  }
}

}  // namespace

void ReferenceBackend::draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) {
  const auto drawn_at = [&](int i) -> Drawn& { return *static_cast<Drawn*>(out.drawn.address(i, 0)); };
  for (int i = 0; i < draws.draws.rows; ++i) {
    const Draw& draw = *static_cast<const Draw*>(draws.draws.address(i, 0));
    Drawn& drawn = drawn_at(first + i);
    drawn = {.bound = draw.bound};
    if (draw.after != Draw::kNone) {
      const Drawn& before = drawn_at(draw.after);
      if (before.state != Drawn::State::kDrawn || before.token != draw.expected) {
        drawn.state = Drawn::State::kVoid;
        continue;
      }
      drawn.bound = before.bound;
    }
    const float* const row = logits.at<float>(draw.row);
    const std::vector<float> copy(row, row + logits.cols);
    pick(copy, draw, draws, drawn);
    if (drawn.state == Drawn::State::kDrawn && draw.top != Draw::kNone)
      write_logprobs(copy, draw, out, first + i, drawn);
  }
}

}  // namespace ferrum
