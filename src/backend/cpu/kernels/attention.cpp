// softmax(scale · q·K) · V for one token and the q heads of one kv head, with a running maximum and sum
// (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018).
//
// The context is walked in tiles that begin at fixed positions of each page, so what is rounded where depends
// on the token's position and the size of a page alone, never on how many tokens came in one step.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

constexpr int kTile = 32;  // positions; a multiple of kLanes
static_assert(kTile % kLanes == 0);

template <class T>
struct Tile {
  const T* k;  // of the first position
  const T* v;
  int count;  // positions in it
};

// scores[h][p] = scale × q[h] · k[p]
template <class T, int kHeads>
inline void score(const AttentionTask& task, const float* q, const Tile<T>& tile,
                  float (&scores)[kHeads][kTile]) {
  const int64_t stride = task.kv_stride / static_cast<int64_t>(sizeof(T));
  for (int p = 0; p < tile.count; ++p) {
    const T* key = tile.k + p * stride;
    F32 products[kHeads] = {};
    int i = 0;
    for (; i + kLanes <= task.head_dim; i += kLanes) {
      const F32 k = load(key + i);
      for (int h = 0; h < kHeads; ++h) products[h] = fma(load(q + h * task.head_dim + i), k, products[h]);
    }
    if (i < task.head_dim) {
      const int rest = task.head_dim - i;
      const F32 k = load_part(key + i, rest);
      for (int h = 0; h < kHeads; ++h)
        products[h] = fma(load_part(q + h * task.head_dim + i, rest), k, products[h]);
    }
    for (int h = 0; h < kHeads; ++h) scores[h][p] = sum(products[h]) * task.scale;
  }
  for (int h = 0; h < kHeads; ++h)
    for (int p = tile.count; p < kTile; ++p) scores[h][p] = -__builtin_inff();
}

// out[h] = out[h] × correction[h] + Σ weights[h][p] · v[p], for `count` <= kLanes columns.
template <class T, int kHeads, class Load, class LoadOut, class StoreOut>
inline void add_values(const Tile<T>& tile, int64_t stride, const float (&weights)[kHeads][kTile],
                       const float (&correction)[kHeads], const Load& load_value, const LoadOut& load_out,
                       const StoreOut& store_out) {
  F32 sums[kHeads];
  for (int h = 0; h < kHeads; ++h) sums[h] = load_out(h) * correction[h];
  for (int p = 0; p < tile.count; ++p) {
    const F32 v = load_value(tile.v + p * stride);
    for (int h = 0; h < kHeads; ++h) sums[h] = fma(broadcast(weights[h][p]), v, sums[h]);
  }
  for (int h = 0; h < kHeads; ++h) store_out(h, sums[h]);
}

template <class T, int kHeads>
inline void add_tile_values(const AttentionTask& task, float* out, const Tile<T>& tile,
                            const float (&weights)[kHeads][kTile], const float (&correction)[kHeads]) {
  const int64_t stride = task.kv_stride / static_cast<int64_t>(sizeof(T));
  const int dim = task.head_dim;
  int i = 0;
  for (; i + kLanes <= dim; i += kLanes)
    add_values<T, kHeads>(
        tile, stride, weights, correction, [&](const T* v) { return load(v + i); },
        [&](int h) { return load(out + h * dim + i); }, [&](int h, F32 v) { store(out + h * dim + i, v); });
  if (i < dim)
    add_values<T, kHeads>(
        tile, stride, weights, correction, [&](const T* v) { return load_part(v + i, dim - i); },
        [&](int h) { return load_part(out + h * dim + i, dim - i); },
        [&](int h, F32 v) { store_part(out + h * dim + i, v, dim - i); });
}

// Heads first_head … first_head + kHeads of the task.
template <class T, int kHeads>
inline void attend_heads(const AttentionTask& task, int first_head) {
  const int dim = task.head_dim;
  const float* q = task.q + static_cast<int64_t>(first_head) * dim;
  float* out = task.out + static_cast<int64_t>(first_head) * dim;
  float highest[kHeads];
  float total[kHeads] = {};
  for (int h = 0; h < kHeads; ++h) highest[h] = -__builtin_inff();
  for (int i = 0; i < kHeads * dim; ++i) out[i] = 0;

  int position = task.first;
  while (position <= task.last) {
    const int in_page = position % task.page_tokens;
    int end = in_page / kTile * kTile + kTile;  // of the tile, within the page
    if (end > task.page_tokens) end = task.page_tokens;
    int count = end - in_page;
    if (count > task.last - position + 1) count = task.last - position + 1;

    const int64_t row =
        static_cast<int64_t>(task.pages[position / task.page_tokens]) * task.page_tokens + in_page;
    const Tile<T> tile = {reinterpret_cast<const T*>(task.k + row * task.kv_stride),
                          reinterpret_cast<const T*>(task.v + row * task.kv_stride), count};
    float weights[kHeads][kTile];
    float correction[kHeads];
    score<T, kHeads>(task, q, tile, weights);
    for (int h = 0; h < kHeads; ++h) {
      F32 most = load(weights[h]);
      for (int p = kLanes; p < kTile; p += kLanes) most = max(load(weights[h] + p), most);
      const float top = largest(most);
      const float now = top > highest[h] ? top : highest[h];
      // e^-87 is not 0, but what it multiplies before the first tile is.
      correction[h] = exp(broadcast(highest[h] - now))[0];
      highest[h] = now;
      F32 sums = {};
      for (int p = 0; p < kTile; p += kLanes) {
        const F32 e = exp(load(weights[h] + p) - now);
        store(weights[h] + p, e);
      }
      for (int p = tile.count; p < kTile; ++p) weights[h][p] = 0;
      for (int p = 0; p < kTile; p += kLanes) sums = sums + load(weights[h] + p);
      total[h] = total[h] * correction[h] + sum(sums);
    }
    add_tile_values<T, kHeads>(task, out, tile, weights, correction);
    position += count;
  }
  for (int h = 0; h < kHeads; ++h) {
    const float scale = 1.0f / total[h];
    for (int i = 0; i < dim; ++i) out[h * dim + i] *= scale;
  }
}

template <class T>
inline void attend(const AttentionTask& task) {
  int h = 0;
  for (; h + 8 <= task.heads; h += 8) attend_heads<T, 8>(task, h);
  if (h + 4 <= task.heads) attend_heads<T, 4>(task, h), h += 4;
  if (h + 2 <= task.heads) attend_heads<T, 2>(task, h), h += 2;
  if (h < task.heads) attend_heads<T, 1>(task, h);
}

}  // namespace

void attend_f32(const AttentionTask& task) { attend<float>(task); }
void attend_f16(const AttentionTask& task) { attend<F16>(task); }
void attend_bf16(const AttentionTask& task) { attend<BF16>(task); }

}  // namespace ferrum::cpu::FERRUM_ISA
