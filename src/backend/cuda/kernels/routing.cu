// The choice of experts, step by step as RoutingRule (backend.h) says, and the sorting of rows by them.
#include "backend/cuda/kernels/routing.h"

#include "backend/cuda/device/gpu.h"
#include "backend/cuda/kernels/functions.h"

using namespace ferrum::cuda;

namespace {

// A rank and whose it is. A lower index is better among equals, and a NaN is worse than any number.
struct Best {
  float rank;
  int index;  // −1: none
};
GPU_FN bool is_better(const Best& a, const Best& b) {
  if (a.index < 0 || b.index < 0) return a.index >= 0;
  const bool a_is_nan = a.rank != a.rank, b_is_nan = b.rank != b.rank;
  if (a_is_nan != b_is_nan) return b_is_nan;
  if (a_is_nan || a.rank == b.rank) return a.index < b.index;
  return a.rank > b.rank;
}
GPU_FN Best best_of_warp(Best mine) {
  for (int step = 16; step > 0; step >>= 1) {
    const Best other = {gpu::shuffle_xor(mine.rank, step), gpu::shuffle_xor(mine.index, step)};
    if (is_better(other, mine)) mine = other;
  }
  return mine;
}

// The sum of the two best ranks of [first, first + size), or the best.
GPU_FN float group_rank(const float* ranks, int first, int size, bool by_largest) {
  Best one = {0, -1}, two = {0, -1};
  for (int e = first; e < first + size; ++e) {
    const Best x = {ranks[e], e};
    if (is_better(x, one)) {
      two = one;
      one = x;
    } else if (is_better(x, two)) {
      two = x;
    }
  }
  return by_largest || two.index < 0 ? one.rank : one.rank + two.rank;
}

// Leaves the ranks of the best groups; −∞ takes the place of the others.
GPU_FN void leave_best_groups(float* ranks, float* of_groups, const RouteTokens& p) {
  const int lane = gpu::lane(), size = p.experts / p.groups;
  if (lane < p.groups) of_groups[lane] = group_rank(ranks, lane * size, size, p.group_by_largest != 0);
  gpu::sync_warp();
  bool is_used = false;
  for (int i = 0; i < p.groups_used; ++i) {
    const Best mine = lane < p.groups && !is_used ? Best{of_groups[lane], lane} : Best{0, -1};
    if (best_of_warp(mine).index == lane) is_used = true;
  }
  const unsigned used = gpu::ballot(is_used);
  for (int e = lane; e < p.experts; e += 32)
    if ((used >> (e / size) & 1) == 0) ranks[e] = -gpu::kInfinity;
  gpu::sync_warp();
}

}  // namespace

// Of the experts that `taken` does not name (kOneByOne): Σ e^(logit − best), without those far below the best.
GPU_FN float sum_of_near(const float* logits, float best, uint32_t taken, const RouteTokens& p) {
  float sum = 0;
  for (int e = gpu::lane(); e < p.experts; e += 32) {
    const float size = logits[e] < 0 ? -logits[e] : logits[e];
    const bool is_far = (best - logits[e]) / gpu::max(size, best) > 2 * p.jitter;
    if ((taken >> (e / 32) & 1) == 0 && !is_far) sum += gpu::exp(logits[e] - best);
  }
  return gpu::warp_sum(sum);
}

GPU_KERNEL(route_tokens, RouteTokens, 32, 1) {
  gpu::SharedMemory shared;
  float* share = shared.array<float>(p.experts);  // p of RoutingRule
  float* ranks = shared.array<float>(p.experts);
  float* of_groups = shared.array<float>(p.groups);
  int* chosen = shared.array<int>(p.top_k);
  float* of_one = shared.array<float>(p.top_k);  // kOneByOne: weights
  const int token = gpu::block_index().x, lane = gpu::lane();
  const float* logits = p.logits.data + token * p.logits.stride;
  const bool by_share = p.bias != nullptr || p.groups > 1;  // else by logits, which have the same order

  float largest = -gpu::kInfinity, sum = 0;
  if (p.score == kScoreSoftmax) {
    for (int e = lane; e < p.experts; e += 32) largest = gpu::max(largest, logits[e]);
    largest = gpu::warp_max(largest);
    for (int e = lane; e < p.experts; e += 32) sum += gpu::exp(logits[e] - largest);
    sum = gpu::warp_sum(sum);
  }
  bool is_nan = false;
  for (int e = lane; e < p.experts; e += 32) {
    const float logit = logits[e];
    const float x = p.score == kScoreSoftmax   ? gpu::exp(logit - largest) / sum
                    : p.score == kScoreSigmoid ? logistic(logit)
                                               : logit;
    share[e] = x;
    ranks[e] = by_share ? x + (p.bias == nullptr ? 0 : p.bias[e]) : logit;
    is_nan = is_nan || x != x;
  }
  is_nan = gpu::ballot(is_nan) != 0;
  gpu::sync_warp();
  if (p.groups > 1) leave_best_groups(ranks, of_groups, p);

  uint32_t taken = 0;  // of this lane's experts
  for (int i = 0; i < p.top_k; ++i) {
    Best mine = {0, -1};
    for (int e = lane; e < p.experts; e += 32)
      if ((taken >> (e / 32) & 1) == 0 && is_better({ranks[e], e}, mine)) mine = {ranks[e], e};
    const int best = best_of_warp(mine).index;
    const float near = p.score == kScoreOneByOne ? sum_of_near(share, share[best], taken, p) : 1;
    if (lane == 0) of_one[i] = 1 / near;
    if (best % 32 == lane) {
      taken |= 1u << (best / 32);
      chosen[i] = best;
    }
  }
  gpu::sync_warp();
  if (lane != 0) return;

  float* weights = p.weights.data + token * p.weights.stride;
  float most = -gpu::kInfinity, total = 0;
  for (int i = 0; i < p.top_k; ++i) most = gpu::max(most, share[chosen[i]]);
  for (int i = 0; i < p.top_k; ++i)
    total += p.score == kScoreSoftmaxOfChosen ? gpu::exp(share[chosen[i]] - most) : share[chosen[i]];
  // The softmax over the chosen sums up to one.
  const float of_chosen = p.score == kScoreSoftmaxOfChosen ? 1 : total;
  const float divisor = p.renormalize != 0 ? gpu::max(of_chosen, p.floor) : 1;
  for (int i = 0; i < p.top_k; ++i) {
    const int e = chosen[i];
    float w = p.score == kScoreSoftmaxOfChosen ? gpu::exp(share[e] - most) / total
              : p.score == kScoreOneByOne      ? of_one[i]
                                               : share[e];
    w = is_nan ? gpu::float_of(0x7fffffffu) : w / divisor * p.scale;
    if (p.expert_scales != nullptr) w *= p.expert_scales[e];
    p.ids[token * p.ids_stride + i] = e;
    weights[i] = w;
  }
}

GPU_KERNEL(sort_pairs, SortPairs, kSortThreads, 1) {
  gpu::SharedMemory shared;
  int* first_tile = shared.array<int>(p.matrices);  // of each matrix; before that, how many pairs it has
  const int thread = gpu::thread_index(), lane = gpu::lane();
  const auto matrix_of = [&](int pair) { return p.ids[pair / p.each * p.ids_stride + pair % p.each]; };
  for (int i = thread; i < p.tile * p.tiles; i += kSortThreads) p.rows[i] = -1;
  for (int i = thread; i < p.tiles; i += kSortThreads) p.groups[i] = -1;
  for (int m = gpu::warp(); m < p.matrices; m += kSortThreads / 32) {
    int count = 0;
    for (int pair = lane; pair - lane < p.pairs; pair += 32)
      count += gpu::count_bits(gpu::ballot(pair < p.pairs && matrix_of(pair) == m));
    if (lane == 0) first_tile[m] = count;
  }
  gpu::sync_block();
  if (thread == 0) {
    int next = 0;
    for (int m = 0; m < p.matrices; ++m) {
      const int tiles = (first_tile[m] + p.tile - 1) / p.tile;
      first_tile[m] = next;
      for (int i = 0; i < tiles; ++i) p.groups[next + i] = m;
      next += tiles;
    }
  }
  gpu::sync_block();
  for (int m = gpu::warp(); m < p.matrices; m += kSortThreads / 32) {
    int next = first_tile[m] * p.tile;
    for (int pair = lane; pair - lane < p.pairs; pair += 32) {
      const bool has = pair < p.pairs && matrix_of(pair) == m;
      const unsigned all = gpu::ballot(has);
      const int position = next + gpu::count_bits(all & ((1u << lane) - 1));
      if (has) {
        p.rows[position] = pair / p.each;
        p.place[pair] = position;
      }
      next += gpu::count_bits(all);
    }
  }
}

GPU_KERNEL(activate_positions, ActivatePositions, kColumnThreads, 1) {
  const int position = gpu::block_index().y, i = gpu::block_index().x * kColumnThreads + gpu::thread_index();
  if (i >= p.rows.cols || p.groups[position / p.tile] < 0) return;
  const float* x = p.rows.x.data + position * p.rows.x.stride;
  const ActivationParams& a = p.rows.activation;
  p.rows.out.data[position * p.rows.out.stride + i] =
      a.gated ? activated(x[i], x[p.rows.cols + i], a) : activated(x[i], a);
}

GPU_KERNEL(combine_experts, CombineExperts, kColumnThreads, 1) {
  const int token = gpu::block_index().y, c = gpu::block_index().x * kColumnThreads + gpu::thread_index();
  if (c >= p.cols) return;
  float sum = 0;
  for (int i = 0; i < p.each; ++i)
    sum = gpu::fma(p.weights.data[token * p.weights.stride + i],
                   p.results.data[p.place[token * p.each + i] * p.results.stride + c], sum);
  p.out.data[token * p.out.stride + c] = sum;
}
