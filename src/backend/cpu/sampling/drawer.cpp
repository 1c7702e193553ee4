#include "backend/cpu/sampling/drawer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cpu/sampling/mirostat.h"
#include "base/check.h"
#include "base/random.h"

namespace ferrum::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// More than weights are rounded by, as logarithm.
constexpr double kSlack = 1e-3;

// What a position's random numbers are for. Positions stay far below the upper bits.
enum class Purpose : uint64_t { kToken = 0, kXtc = 1 };

double random_of(const Draw& draw, Purpose purpose) {
  return random_uniform(draw.seed, draw.position + (static_cast<uint64_t>(purpose) << 56));
}

template <class T>
T& element(const Tensor& structs, int index) {
  return *static_cast<T*>(structs.address(index, 0));
}

}  // namespace

void Drawer::reserve(size_t logits) {
  row_.reserve(logits);
  candidates_.reserve(logits);
  before_.reserve(logits);
  masked_.reserve(logits);
}

size_t Drawer::bytes_for(size_t logits) {
  return LogitRow::bytes_for(logits) + logits * (sizeof(Candidate) + 2 * sizeof(float));
}

void Drawer::draw_group(const DrawCall& call, int group) {
  const int end = *call.draws.groups.at<int32_t>(group + 1);
  for (int i = *call.draws.groups.at<int32_t>(group); i < end; ++i) make(call, i);
}

void Drawer::make(const DrawCall& call, int index) {
  const Draw& draw = element<Draw>(call.draws.draws, index);
  Drawn& drawn = element<Drawn>(call.out.drawn, call.first + index);
  drawn = {.bound = draw.bound};
  if (draw.after != Draw::kNone) {
    check(draw.after < call.first + index, "a draw stands on an earlier one");
    const Drawn& before = element<Drawn>(call.out.drawn, draw.after);
    if (before.state != Drawn::State::kDrawn || before.token != draw.expected) {
      drawn.state = Drawn::State::kVoid;
      return;
    }
    drawn.bound = before.bound;
  }
  check(draw.row >= 0 && draw.row < call.logits.rows, "a row of the logits");
  const std::span<float> row(call.logits.at<float>(draw.row), static_cast<size_t>(call.logits.cols));
  if (draw.given == Draw::kNone) {
    const std::span<const LogitEdit> edits(
        draw.edits == 0 ? nullptr : &element<const LogitEdit>(call.draws.edits, draw.first_edit),
        static_cast<size_t>(draw.edits));
    const uint32_t* const mask =
        draw.mask == Draw::kNone ? nullptr : call.draws.masks.at<const uint32_t>(draw.mask);
    pick(draw, edits, mask, row, drawn);
  } else {
    row_.read(row);
    drawn.token = draw.given;
    if (row_.has_nan())
      drawn.state = Drawn::State::kNaN;
    else if (!std::isfinite(row_.largest()))
      drawn.state = Drawn::State::kNotFinite;
  }
  if (drawn.state != Drawn::State::kDrawn)
    drawn.token = 0;
  else if (draw.top != Draw::kNone)
    write_logprobs(call, draw, index, row, drawn);
}

void Drawer::pick(const Draw& draw, std::span<const LogitEdit> edits, const uint32_t* mask,
                  std::span<float> row, Drawn& drawn) {
  apply(edits, row);
  row_.read(mask ? masked(row, mask) : row);
  if (row_.has_nan()) {
    drawn.state = Drawn::State::kNaN;
  } else if (!std::isfinite(row_.largest())) {
    drawn.state = Drawn::State::kNotFinite;
  } else if (draw.chain.temperature == 0) {
    drawn.token = row_.most_likely();
  } else {
    row_.set_temperature(draw.chain.temperature);
    if (draw.chain.mirostat != 0) {
      Mirostat mirostat(static_cast<Mirostat::Version>(draw.chain.mirostat),
                        {draw.chain.mirostat_tau, draw.chain.mirostat_eta}, drawn.bound);
      drawn.token = mirostat.draw(row_, random_of(draw, Purpose::kToken), candidates_);
      drawn.bound = mirostat.bound();
    } else {
      drawn.token = this->draw(draw);
    }
  }
  const bool is_empty = drawn.state == Drawn::State::kNotFinite && row_.largest() < 0;
  restore(edits, row);
  if (is_empty && std::any_of(row.begin(), row.end(), [](float x) { return x > -kInfinity; }))
    drawn.state = Drawn::State::kNoneLeft;
}

void Drawer::apply(std::span<const LogitEdit> edits, std::span<float> row) {
  before_.clear();
  for (const LogitEdit& e : edits) {
    check(e.id >= 0 && static_cast<size_t>(e.id) < row.size(), "an edit within the row");
    float& logit = row[static_cast<size_t>(e.id)];
    before_.push_back(logit);
    const float biased = logit + e.add;
    const float repeated = biased > 0 ? biased / e.repetition : biased * e.repetition;
    logit = repeated - e.occurrence - e.dry;
  }
}

void Drawer::restore(std::span<const LogitEdit> edits, std::span<float> row) const {
  for (size_t i = 0; i < edits.size(); ++i) row[static_cast<size_t>(edits[i].id)] = before_[i];
}

std::span<const float> Drawer::masked(std::span<const float> row, const uint32_t* mask) {
  masked_.resize(row.size());
  row_kernels_.mask(row.data(), mask, row.size(), masked_.data());
  return masked_;
}

int32_t Drawer::draw(const Draw& draw) {
  const Chain& o = draw.chain;
  const double uniform = random_of(draw, Purpose::kToken);
  const bool excludes_top = o.xtc_probability > 0 && random_of(draw, Purpose::kXtc) < o.xtc_probability;

  const bool typical = o.typical_p < 1;
  // What min-p will leave out in any case. (The typical tokens may not have the likeliest, which it compares
  // with.)
  const double floor = typical || o.min_p == 0 ? -kInfinity : row_.logit_at(kSlack - std::log(o.min_p));
  double total = 0, mean_logit = 0;  // of what is there before typical and top-p
  candidates_.clear();
  if (o.top_k > 0 && static_cast<size_t>(o.top_k) < row_.size()) {
    row_.gather_most_likely(static_cast<size_t>(o.top_k), candidates_);
    total = candidates_.total();
    if (typical) mean_logit = candidates_.mean_logit(total);
  } else if (typical) {
    total = row_.total();
    mean_logit = row_.mean_logit(total);
    row_.gather_mass(mean_logit, o.typical_p * total, floor, candidates_);
  } else if (o.top_p < 1) {
    total = row_.total();
    row_.gather_mass(row_.largest(), o.top_p * total, floor, candidates_);
  } else if (o.min_p > 0 || excludes_top) {
    row_.gather(floor, candidates_);
  } else {
    return row_.draw(uniform, row_.total());
  }
  if (typical) {
    candidates_.keep_typical(mean_logit, o.typical_p * total);
    total = candidates_.total();
  }
  if (o.top_p < 1) candidates_.keep_nucleus(o.top_p * total);
  if (o.min_p > 0) candidates_.keep_min_p(o.min_p);
  if (excludes_top) candidates_.exclude_top(o.xtc_threshold);
  return candidates_.draw(uniform).id;
}

void Drawer::write_logprobs(const DrawCall& call, const Draw& draw, int index, std::span<const float> row,
                            Drawn& drawn) {
  check(draw.top <= kMostTop && static_cast<size_t>(drawn.token) < row.size(), "log probabilities of a row");
  row_.read(row);
  row_.set_temperature(1);
  const double log_total = row_.largest() + std::log(row_.total());
  drawn.logprob = static_cast<float>(row[static_cast<size_t>(drawn.token)] - log_total);
  if (draw.top == 0) return;
  candidates_.clear();
  row_.gather_most_likely(static_cast<size_t>(draw.top), candidates_);
  candidates_.sort();
  for (const Candidate& c : candidates_.all()) {
    *call.out.top_ids.at<int32_t>(call.first + index, drawn.top) = c.id;
    *call.out.top_logprobs.at<float>(call.first + index, drawn.top++) =
        static_cast<float>(c.logit - log_total);
  }
}

}  // namespace ferrum::cpu
