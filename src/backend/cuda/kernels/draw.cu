// Draws tokens as draw.h says. A block makes the draws of a group, one after another, with all its threads at
// one row: sums over tokens are made of each thread's run of them, in double, and runs are added in a fixed
// tree. Where filters need an order the row is sorted in memory.
#include "backend/cuda/kernels/draw.h"

#include "backend/cuda/device/gpu.h"
#include "base/random.h"

using namespace ferrum;
using namespace ferrum::cuda;

namespace {

constexpr int kWarps = kDrawThreads / 32;

// What the threads of a block tell each other.
struct Board {
  double* sums;   // of each warp
  float* values;  // of each warp
  int* ids;       // of each warp
};

GPU_FN double shuffled(double x, int from) {
  const auto bits = __builtin_bit_cast(uint64_t, x);
  const uint32_t low = gpu::shuffle(static_cast<uint32_t>(bits), from),
                 high = gpu::shuffle(static_cast<uint32_t>(bits >> 32), from);
  return __builtin_bit_cast(double, static_cast<uint64_t>(high) << 32 | low);
}

// The sum of all threads before this one, and of all.
struct Scan {
  double before, total;
};
GPU_FN Scan scan(double x, const Board& board) {
  double upto = x;
  for (int step = 1; step < 32; step <<= 1) {
    const double other = shuffled(upto, gpu::max(gpu::lane() - step, 0));
    if (gpu::lane() >= step) upto += other;
  }
  if (gpu::lane() == 31) board.sums[gpu::warp()] = upto;
  const double of_lanes = shuffled(upto, gpu::max(gpu::lane() - 1, 0));
  gpu::sync_block();
  Scan result = {gpu::lane() == 0 ? 0 : of_lanes, 0};
  double base = 0;
  for (int w = 0; w < kWarps; ++w) {
    if (w == gpu::warp()) base = result.total;
    result.total += board.sums[w];
  }
  result.before += base;
  gpu::sync_block();
  return result;
}

GPU_FN int least_of_block(int x, const Board& board) {
  for (int step = 16; step > 0; step >>= 1) x = gpu::min(x, gpu::shuffle_xor(x, step));
  if (gpu::lane() == 0) board.ids[gpu::warp()] = x;
  gpu::sync_block();
  for (int w = 0; w < kWarps; ++w) x = gpu::min(x, board.ids[w]);
  gpu::sync_block();
  return x;
}

// A logit and whose it is; of equal ones the lower id comes first. id −1: none.
struct Token {
  float logit;
  int id;
};
GPU_FN bool comes_first(const Token& a, const Token& b) {
  if (a.id < 0 || b.id < 0) return a.id >= 0;
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}
GPU_FN Token first_of_block(Token mine, const Board& board) {
  for (int step = 16; step > 0; step >>= 1) {
    const Token other = {gpu::shuffle_xor(mine.logit, step), gpu::shuffle_xor(mine.id, step)};
    if (comes_first(other, mine)) mine = other;
  }
  if (gpu::lane() == 0) board.values[gpu::warp()] = mine.logit, board.ids[gpu::warp()] = mine.id;
  gpu::sync_block();
  for (int w = 0; w < kWarps; ++w) {
    const Token other = {board.values[w], board.ids[w]};
    if (comes_first(other, mine)) mine = other;
  }
  gpu::sync_block();
  return mine;
}

// A row of logits as a draw sees it.
struct Row {
  const float* logits;
  const uint32_t* mask;  // or null
  int vocab;
  GPU_FN float at(int i) const {
    const float x = logits[i];
    return mask != nullptr && (mask[i / 32] >> (i % 32) & 1) == 0 ? x - gpu::kInfinity : x;
  }
};

struct Largest {
  Token token;  // id −1: all are NaN
  bool has_nan;
};
GPU_FN Largest largest_of(const Row& row, const Board& board) {
  Token mine = {0, -1};
  int nan = 1;
  for (int i = gpu::thread_index(); i < row.vocab; i += kDrawThreads) {
    const Token token = {row.at(i), i};
    if (token.logit != token.logit)
      nan = 0;
    else if (comes_first(token, mine))
      mine = token;
  }
  return {first_of_block(mine, board), least_of_block(nan, board) == 0};
}

// The run of `count` elements that this thread sums up.
struct Range {
  int begin, end;
};
GPU_FN Range own_range(int count) {
  const int each = (count + kDrawThreads - 1) / kDrawThreads;
  const int begin = gpu::min(gpu::thread_index() * each, count);
  return {begin, gpu::min(begin + each, count)};
}

template <class Value>
GPU_FN double sum_of(int begin, int end, const Value& value, const Board& board) {
  const Range own = own_range(end - begin);
  double sum = 0;
  for (int i = begin + own.begin; i < begin + own.end; ++i) sum += value(i);
  return scan(sum, board).total;
}

// The first element with which the sum of weights reaches `least` and, with `is_drawn`, whose own is not 0;
// `end` if there is none.
template <class Weight>
GPU_FN int first_to_reach(double least, int begin, int end, bool is_drawn, const Weight& weight,
                          const Board& board) {
  const Range own = own_range(end - begin);
  double sum = 0;
  for (int i = begin + own.begin; i < begin + own.end; ++i) sum += weight(i);
  const double before = scan(sum, board).before;
  int found = end;
  if (before + sum >= least) {
    double upto = before;
    for (int i = begin + own.begin; i < begin + own.end && found == end; ++i) {
      const float w = weight(i);
      upto += w;
      if (upto >= least && (!is_drawn || w > 0)) found = i;
    }
  }
  return least_of_block(found, board);
}

// Tokens in an order: a key in the upper half, the id in the lower.
GPU_FN uint32_t ascending(float x) {
  const uint32_t bits = gpu::bits_of(x + 0.0f);  // −0 is 0
  return bits ^ (bits >> 31 != 0 ? 0xffffffffu : 0x80000000u);
}
GPU_FN float from_ascending(uint32_t key) {
  return gpu::float_of(key ^ (key >> 31 != 0 ? 0x80000000u : 0xffffffffu));
}

// Sorts `count` keys, ascending, in a room for the next power of two (K. Batcher, 1968).
GPU_FN void sort(uint64_t* keys, int count) {
  int room = 1;
  while (room < count) room *= 2;
  for (int i = count + gpu::thread_index(); i < room; i += kDrawThreads) keys[i] = ~uint64_t{0};
  gpu::sync_block();
  for (int run = 2; run <= room; run *= 2)
    for (int apart = run / 2; apart > 0; apart /= 2) {
      for (int i = gpu::thread_index(); i < room / 2; i += kDrawThreads) {
        const int a = i / apart * 2 * apart + i % apart, b = a + apart;
        const uint64_t x = keys[a], y = keys[b];
        if ((x > y) == ((a & run) == 0)) keys[a] = y, keys[b] = x;
      }
      gpu::sync_block();
    }
}

// The tokens that a chain leaves, the most likely first: [begin, end) of what is sorted.
struct Left {
  uint64_t* keys;
  int begin, end;
  float largest, temperature;
  bool is_open = false;  // less likely tokens of the row are left as well, and are not among the sorted
  double total = 0;      // the weights of all tokens, if it is open
  GPU_FN int id(int i) const { return static_cast<int>(static_cast<uint32_t>(keys[i])); }
  GPU_FN float logit(int i) const { return from_ascending(~static_cast<uint32_t>(keys[i] >> 32)); }
  GPU_FN float weight(int i) const { return gpu::exp((logit(i) - largest) / temperature); }
};
GPU_FN double mass(const Left& left, const Board& board) {
  return sum_of(
      left.begin, left.end, [&](int i) { return left.weight(i); }, board);
}
GPU_FN int drawn_of(const Left& left, double uniform, const Board& board) {
  const double at = uniform * mass(left, board);
  const int i = first_to_reach(
      at, left.begin, left.end, true, [&](int n) { return left.weight(n); }, board);
  return gpu::min(i, left.end - 1);
}

// The number of tokens from the first on whose weight is at least this.
GPU_FN int count_above(const Left& left, double least, const Board& board) {
  int end = left.end;
  for (int i = left.begin + gpu::thread_index(); i < left.end; i += kDrawThreads)
    if (left.weight(i) < least) {
      end = i;
      break;
    }
  return least_of_block(end, board) - left.begin;
}

GPU_FN uint64_t key_of(float logit, int id) {
  return static_cast<uint64_t>(~ascending(logit)) << 32 | static_cast<uint32_t>(id);
}

GPU_FN Left sorted_row(const Row& row, uint64_t* keys, float largest, float temperature, const Board& board) {
  for (int i = gpu::thread_index(); i < row.vocab; i += kDrawThreads) keys[i] = key_of(row.at(i), i);
  gpu::sync_block();
  sort(keys, row.vocab);
  Left left = {keys, 0, row.vocab, largest, temperature};
  int end = row.vocab;  // behind it are those at −∞
  for (int i = gpu::thread_index(); i < row.vocab; i += kDrawThreads)
    if (left.logit(i) == -gpu::kInfinity) {
      end = i;
      break;
    }
  left.end = least_of_block(end, board);
  return left;
}

// Leaves the tokens that are nearest to the mean, up to this share of the mass.
GPU_FN void keep_typical(Left& left, const Row& row, float share, const Board& board) {
  const double total = mass(left, board);
  const auto part = [&](int i) { return static_cast<double>(left.weight(i)) * left.logit(i); };
  const double mean = sum_of(left.begin, left.end, part, board) / total;
  for (int i = gpu::thread_index(); i < left.end; i += kDrawThreads) {
    const double difference = left.logit(i) - mean;
    const auto distance = static_cast<float>(difference < 0 ? -difference : difference);
    left.keys[i] = static_cast<uint64_t>(ascending(distance)) << 32 | static_cast<uint32_t>(left.id(i));
  }
  gpu::sync_block();
  sort(left.keys, left.end);
  const auto weight = [&](int i) { return gpu::exp((row.at(left.id(i)) - left.largest) / left.temperature); };
  const int last = first_to_reach(share * total, 0, left.end, false, weight, board);
  left.end = gpu::min(last + 1, left.end);
  for (int i = gpu::thread_index(); i < left.end; i += kDrawThreads)
    left.keys[i] = key_of(row.at(left.id(i)), left.id(i));
  gpu::sync_block();
  sort(left.keys, left.end);
}

// The most likely tokens of a row, sorted: `wanted` to `room` of them, found by bisection of the least logit.
// Where equal logits leave no such number, none (end 0).
GPU_FN Left sorted_head(const Row& row, uint64_t* keys, float largest, float temperature, int wanted,
                        int room, const Board& board) {
  constexpr float kFar = 30;  // whose weight is e^−30 of the largest
  float low = largest - kFar * temperature, high = largest, cut = low;
  Left left = {keys, 0, 0, largest, temperature, true};
  Scan count = {};
  for (int i = 0;; ++i) {
    int own = 0;
    for (int t = gpu::thread_index(); t < row.vocab; t += kDrawThreads) own += row.at(t) >= cut ? 1 : 0;
    count = scan(own, board);
    if (count.total > room) {
      low = cut;
      cut = (cut + high) / 2;
    } else if (count.total < wanted && i > 0) {
      high = cut;
      cut = (cut + low) / 2;
    } else {
      break;
    }
    if (i == 24) return left;
  }
  auto next = static_cast<int>(count.before);
  for (int t = gpu::thread_index(); t < row.vocab; t += kDrawThreads)
    if (const float logit = row.at(t); logit >= cut) keys[next++] = key_of(logit, t);
  gpu::sync_block();
  left.end = static_cast<int>(count.total);
  sort(keys, left.end);
  left.total = sum_of(
      0, row.vocab, [&](int i) { return gpu::exp((row.at(i) - largest) / temperature); }, board);
  return left;
}

GPU_FN bool has_filter(const Chain& c, bool xtc, int vocab) {
  return (c.top_k > 0 && c.top_k < vocab) || c.typical_p != 1 || c.top_p != 1 || c.min_p != 0 || xtc;
}

constexpr int kUnknown = -1;  // what is left reaches behind the sorted tokens

GPU_FN int filtered(Left left, const Row& row, const Chain& c, double uniform, bool xtc, const Board& board) {
  if (c.top_k > 0 && c.top_k <= left.end) {
    left.end = c.top_k;
    left.is_open = false;
  }
  if (c.typical_p < 1) {
    if (left.is_open) return kUnknown;
    keep_typical(left, row, c.typical_p, board);
  }
  if (c.top_p < 1) {
    const double total = left.is_open && c.top_k == 0 ? left.total : mass(left, board);
    const auto weight = [&](int i) { return left.weight(i); };
    const int last = first_to_reach(c.top_p * total, left.begin, left.end, false, weight, board);
    if (left.is_open && (c.top_k > 0 || last == left.end)) return kUnknown;
    left.end = gpu::min(last + 1, left.end);
    left.is_open = false;
  }
  if (c.min_p > 0) {
    const int count = count_above(left, static_cast<double>(c.min_p) * left.weight(0), board);
    if (left.is_open && (c.top_k > 0 || count == left.end)) return kUnknown;
    left.end = count;
    left.is_open = false;
  }
  if (left.is_open) return kUnknown;
  if (xtc) {
    const int above = count_above(left, c.xtc_threshold * mass(left, board), board);
    if (above > 1) left.begin = above - 1;
  }
  return left.id(drawn_of(left, uniform, board));
}

// With filters. The most likely tokens are enough as a rule; else the whole row is sorted.
GPU_FN int filtered_row(const Row& row, const Chain& c, float largest, double uniform, bool xtc,
                        uint64_t* keys, int head, const Board& board) {
  const bool is_narrow = c.top_k > 0 ? c.top_k <= head : c.typical_p == 1 && (c.top_p < 1 || c.min_p > 0);
  if (is_narrow && head < row.vocab) {
    const Left left =
        sorted_head(row, keys, largest, c.temperature, c.top_k > 0 ? c.top_k : head / 2, head, board);
    const int token = left.end == 0 ? kUnknown : filtered(left, row, c, uniform, xtc, board);
    if (token != kUnknown) return token;
  }
  return filtered(sorted_row(row, keys, largest, c.temperature, board), row, c, uniform, xtc, board);
}

// How many tokens mirostat 1 keeps: by Zipf's exponent of the 100 most likely, by least squares.
GPU_FN int zipf_count(const Left& left, double bound, int vocab) {
  double products = 0, squares = 0;
  for (int i = 0; i + 1 < gpu::min(100, left.end); ++i) {
    const double step = gpu::log((i + 2.0) / (i + 1.0));
    products += step * (static_cast<double>(left.logit(i)) - left.logit(i + 1)) / left.temperature;
    squares += step * step;
  }
  const double s = squares > 0 ? products / squares : 1, epsilon = s - 1, n = vocab;
  const bool is_one = epsilon <= 1e-6 && epsilon >= -1e-6;
  const double factor = is_one ? 1 / gpu::log(n) : epsilon / (1 - gpu::pow(n, -epsilon));
  double k = s > 0 ? gpu::pow(factor * gpu::exp2(bound), 1 / s) : n;
  if (!(k <= n)) k = n;  // NaN as well
  if (k < 1) k = 1;
  return static_cast<int>(k + 0.5);
}

GPU_FN int mirostat(Left left, const Chain& c, double uniform, int vocab, double& bound, const Board& board) {
  const double total = mass(left, board);
  const auto surprise = [&](int i) { return gpu::log2(total / left.weight(i)); };
  if (c.mirostat == 1) {
    left.end = gpu::min(left.end, zipf_count(left, bound, vocab));
  } else {
    int end = left.end;
    for (int i = gpu::thread_index(); i < left.end; i += kDrawThreads)
      if (surprise(i) > bound) {
        end = i;
        break;
      }
    left.end = gpu::max(1, least_of_block(end, board));
  }
  const int i = drawn_of(left, uniform, board);
  bound -= static_cast<double>(c.mirostat_eta) * (surprise(i) - c.mirostat_tau);
  return left.id(i);
}

GPU_FN float edited(float x, const LogitEdit& e) {
  x += e.add;
  x = x > 0 ? x / e.repetition : x * e.repetition;
  x -= e.occurrence;
  return x - e.dry;
}

// What the block knows of a draw that it makes.
struct Made {
  Drawn::State state;
  int token;
  double bound;
};

GPU_FN Made pick(const Row& row, const Draw& draw, double bound, bool has_some, uint64_t* keys, int head,
                 const Board& board) {
  const Largest largest = largest_of(row, board);
  if (largest.has_nan) return {Drawn::State::kNaN, 0, bound};
  const float most = largest.token.logit;
  if (most == -gpu::kInfinity)
    return {has_some ? Drawn::State::kNoneLeft : Drawn::State::kNotFinite, 0, bound};
  if (most == gpu::kInfinity) return {Drawn::State::kNotFinite, 0, bound};
  if (draw.given != Draw::kNone) return {Drawn::State::kDrawn, draw.given, bound};
  const Chain& c = draw.chain;
  if (c.temperature == 0) return {Drawn::State::kDrawn, largest.token.id, bound};
  const double uniform = random_uniform(draw.seed, draw.position);
  const bool xtc = c.xtc_probability > 0 &&
                   random_uniform(draw.seed, draw.position + (uint64_t{1} << 56)) < c.xtc_probability;
  if (c.mirostat == 0 && !has_filter(c, xtc, row.vocab)) {
    const float temperature = c.temperature;
    const auto weight = [&](int i) { return gpu::exp((row.at(i) - most) / temperature); };
    const double total = sum_of(0, row.vocab, weight, board);
    const int i = first_to_reach(uniform * total, 0, row.vocab, true, weight, board);
    return {Drawn::State::kDrawn, i < row.vocab ? i : largest.token.id, bound};
  }
  if (c.mirostat == 0)
    return {Drawn::State::kDrawn, filtered_row(row, c, most, uniform, xtc, keys, head, board), bound};
  const Left left = sorted_row(row, keys, most, c.temperature, board);
  const int token = mirostat(left, c, uniform, row.vocab, bound, board);
  return {Drawn::State::kDrawn, token, bound};
}

// The log probability of a token and the most likely alternatives, of the row as the model gave it. Returns
// how many of these.
GPU_FN int write_logprobs(const Row& row, const Draw& draw, int token, float most, float* logprob, int* ids,
                          float* logprobs, const Board& board) {
  const double total = sum_of(
      0, row.vocab, [&](int i) { return gpu::exp(row.logits[i] - most); }, board);
  const double log_total = most + gpu::log(total);
  if (gpu::thread_index() == 0) *logprob = static_cast<float>(row.logits[token] - log_total);
  Token last = {gpu::kInfinity, -1};
  int found = 0;
  for (; found < draw.top; ++found) {
    Token mine = {0, -1};
    for (int i = gpu::thread_index(); i < row.vocab; i += kDrawThreads) {
      const Token next = {row.logits[i], i};
      const bool is_behind = last.id < 0 || comes_first(last, next);
      if (is_behind && i != last.id && comes_first(next, mine)) mine = next;
    }
    last = first_of_block(mine, board);
    // Where float32's normal range ends a share is none.
    if (last.id < 0 || gpu::exp(last.logit - most) < 1.17549435e-38f) break;
    if (gpu::thread_index() == 0) {
      ids[found] = last.id;
      logprobs[found] = static_cast<float>(last.logit - log_total);
    }
  }
  return found;
}

}  // namespace

GPU_KERNEL(draw_tokens, DrawTokens, kDrawThreads, 1) {
  gpu::SharedMemory shared;
  const Board board = {shared.array<double>(kWarps), shared.array<float>(kWarps), shared.array<int>(kWarps)};
  const int block = gpu::block_index().x, group = p.first_group + block, thread = gpu::thread_index();
  uint64_t* keys = p.sorted + static_cast<int64_t>(block) * p.room;
  float* saved = p.saved + static_cast<int64_t>(block) * p.most_edits;
  for (int i = p.groups[group]; i < p.groups[group + 1]; ++i) {
    const Draw& draw = p.draws[i];
    Drawn& drawn = p.drawn[p.first + i];
    double bound = draw.bound;
    bool is_void = false;
    if (draw.after != Draw::kNone) {
      const Drawn& before = p.drawn[draw.after];
      is_void = before.state != Drawn::State::kDrawn || before.token != draw.expected;
      if (!is_void) bound = before.bound;
    }
    Made made = {Drawn::State::kVoid, 0, bound};
    float logprob = 0;
    int top = 0;
    if (!is_void) {
      float* logits = p.logits.data + draw.row * p.logits.stride;
      const Row plain = {logits, nullptr, p.vocab};
      const Largest largest = largest_of(plain, board);
      const bool is_edited = draw.given == Draw::kNone;
      const LogitEdit* edits = p.edits + draw.first_edit;
      const int count = is_edited ? draw.edits : 0;
      for (int e = thread; e < count; e += kDrawThreads) {
        saved[e] = logits[edits[e].id];
        logits[edits[e].id] = edited(saved[e], edits[e]);
      }
      gpu::sync_block();
      const bool has_some = largest.token.id >= 0 && largest.token.logit > -gpu::kInfinity;
      const bool is_masked = is_edited && draw.mask != Draw::kNone;
      const Row row = {logits, is_masked ? p.masks + draw.mask * p.masks_stride : nullptr, p.vocab};
      made = pick(row, draw, bound, has_some, keys, p.head, board);
      gpu::sync_block();
      for (int e = thread; e < count; e += kDrawThreads) logits[edits[e].id] = saved[e];
      gpu::sync_block();
      if (made.state == Drawn::State::kDrawn && draw.top != Draw::kNone)
        top = write_logprobs(plain, draw, made.token, largest.token.logit, &logprob,
                             p.top_ids + (p.first + i) * p.top_ids_stride,
                             p.top_logprobs + (p.first + i) * p.top_logprobs_stride, board);
    }
    if (thread == 0) {
      drawn.bound = made.bound;
      drawn.token = made.token;
      drawn.state = made.state;
      drawn.logprob = logprob;
      drawn.top = top;
    }
    gpu::sync_block();
  }
}
