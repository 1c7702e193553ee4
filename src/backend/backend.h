// The operations that models need of a device. One Backend is one device and one stream, used by one thread.
//
// Contract of every operation:
//   - it is asynchronous on the backend's stream and never allocates device memory;
//   - its launch shape depends only on tensor shapes and StepShape, never on device data;
//   - so a sequence of operations may be recorded once and replayed (see `run`);
//   - a row's result depends only on that row and its sequence's context, bit for bit: not on the other rows
//     of the batch, on how the prompt was split into chunks, or on the number of threads;
//   - `out` may alias `x` only in row-wise operations (the norms, `scale`, `apply_gate`);
//   - every backend implements every operation: there is no `supports_x()`.
// Activations are float32 unless said otherwise. The plain meaning of each operation stands in reference/.
#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "backend/draw.h"
#include "backend/landing.h"
#include "backend/low_rank.h"
#include "backend/weight.h"
#include "tensor/tensor.h"

namespace ferrum {

// Owns device memory.
class Buffer {
 public:
  virtual ~Buffer() = default;
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  virtual void* data() = 0;
  virtual size_t bytes() const = 0;
};

struct StepShape {
  int tokens = 0;
  int sequences = 0;
  int outputs = 0;
  int vectors = 0;
  int carried = 0, kept = 0;  // of HiddenCarry
  int waves = 0;
  bool operator==(const StepShape&) const = default;
};

// Where one group of layers keeps what it needs of the context: keys and values of all positions, or of a
// window.
struct KvIndex {
  Tensor slots;  // [tokens]                 block × block_tokens + offset of each new key and value
  Tensor
      block_table;  // [sequences, max blocks]  blocks of each sequence, in order of position; −1: given back
};
inline constexpr int kMaxKvGroups = 4;

// A multi-token prediction (MTP) head takes at each row the hidden state of the position before it. That is
// the row before, but for those listed here, whose state comes from an earlier pass; and what later passes
// need is kept.
struct HiddenCarry {
  Tensor rows;        // [carried]  rows of the step
  Tensor from;        // [carried]  rows of what was kept
  Tensor kept_rows;   // [kept]     rows of the step
  Tensor kept_slots;  // [kept]     where they are kept, each another one
};

// Rows that recurrent layers compute at once. A draft keeps its sequence's state behind each of its tokens,
// so that its rows come one after another: each in a wave of its own, with the slot that its state is left
// in.
struct StepWave {
  int tokens = 0;
  int sequences = 0;
  Tensor rows;         // [tokens]         of the step
  Tensor query_start;  // [sequences + 1]  in the wave
  Tensor state_slots;  // [sequences, 2]   as Step::state_slots
};

// The device-resident inputs of one forward pass, at fixed addresses: a ragged batch of tokens from many
// sequences, chunks of prompts and single decode tokens side by side. All tensors are i32.
struct Step {
  StepShape shape;
  Tensor tokens;       // [tokens]
  Tensor positions;    // [tokens]                 absolute, from 0
  Tensor query_start;  // [sequences + 1]          first token row of each sequence, and the end
  Tensor context_len;  // [sequences]              tokens of the sequence with this step's included
  Tensor output_rows;  // [outputs]                rows of the hidden state to read out, ascending
  // The positions of these rows, and the first of each sequence, as of a step that has no other rows. They
  // are the last of each sequence.
  Tensor output_positions;  // [outputs]
  Tensor output_start;      // [sequences + 1]
  Tensor types;  // [tokens]                 of models that tell the texts of a pair apart; else empty
  std::array<KvIndex, kMaxKvGroups> kv;  // by KvLayer::group; those that a model lacks are empty
  // Recurrent layers: the slot that each sequence's state is read from, −1: it begins with zeros, and the one
  // that it is left in. [sequences, 2]; empty where a model has no such layers.
  Tensor state_slots;
  std::span<const StepWave> waves;  // for recurrent layers, in order; empty: they compute all rows at once
  HiddenCarry carry;                // where a model has an MTP head
  StepAdapters adapters, output_adapters;  // of the rows, and of those that are read out
  // Rows that come as vectors, not as tokens (whose token counts for nothing): their number, and their
  // contents.
  Tensor vector_rows;  // [vectors]
  Tensor vectors;      // [vectors, hidden] f32
};

struct HeadShape {
  int q_heads = 0;
  int kv_heads = 0;
  int head_dim = 0;   // of queries and keys
  int value_dim = 0;  // of values; 0: as head_dim
  // A key is k and then its value, so that a score is q·k + r·v: q has a second part r for that, of value_dim
  // numbers a head, and all of these lie behind v. (The absorbed form of latent attention: arXiv 2405.04434.)
  bool joined = false;

  int value_size() const { return value_dim > 0 ? value_dim : head_dim; }
  int q_width() const { return q_heads * head_dim; }
  int k_width() const { return kv_heads * head_dim; }
  int v_width() const { return kv_heads * value_size(); }
  int joined_width() const { return joined ? q_heads * value_size() : 0; }
  int qkv_width() const { return q_width() + k_width() + v_width() + joined_width(); }
  int out_width() const { return q_heads * value_size(); }
  int score_dim() const { return joined ? head_dim + value_size() : head_dim; }  // summed up by a score
};

// Normalises a row, then multiplies it by the weight.
//   kNone   x
//   kRms    x / √(mean of x² + eps) · weight                    (arXiv 1910.07467)
//   kLayer  (x − mean) / √(variance + eps) · weight + bias      (arXiv 1607.06450)
struct Norm {
  enum class Kind : uint8_t { kNone, kRms, kLayer };
  Kind kind = Kind::kNone;
  Tensor weight;  // [1, width] f32; empty: all 1
  Tensor bias;    // [1, width] f32; empty: all 0
  float eps = 0;
};

// The nonlinearity of a feed-forward layer. Gated: the weight stacks the gate's rows over the others (`up`),
// and the result is f(gate) · up; else it is f(up). σ is the logistic function.
struct Activation {
  enum class Kind : uint8_t {
    kSilu,  // x σ(x); gated with a limit that is not 0: min(gate σ(gate), limit) · u, with u in ±limit
            // (Step 3.5)
    kGelu,  // x Φ(x), with the error function
    kGeluTanh,     // x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))
    kReluSquared,  // max(x, 0)²
    kClampedSilu,  // gated only: g σ(alpha g) · (u + 1), with g = min(gate, limit), u in ±limit   (gpt-oss)
    kXielu,        // x > 0: positive x² + beta x; else (e^min(x, limit) − 1 − x) negative + beta x
                   // (arXiv 2411.13010)
    kScaledSilu,   // u σ(u), with u = alpha x
  };
  Kind kind = Kind::kSilu;
  bool gated = true;
  float limit = 0;
  float alpha = 0;
  float positive = 0, negative = 0, beta = 0;
};

// Which elements of a head are rotated together: i with i + half (Hugging Face), or 2i with 2i + 1 (GGUF
// files of the llama architecture, Meta's own checkpoints).
enum class RopePairing { kHalves, kNeighbours };

struct Rope {
  Tensor cos_sin;  // [positions, rotary_dim] f32: rotary_dim / 2 cosines, then as many sines; empty: none
  RopePairing pairing = RopePairing::kHalves;
};

// What a layer keeps of each token, and in how many blocks of block_tokens slots. A slot is
// block × block_tokens + the offset in the block.
struct KvShape {
  HeadShape heads;
  // f32, f16, bf16 or int8. int8: x = scale × byte, with one scale per token and head, which is the largest
  // magnitude over 127.
  DType dtype = DType::kF16;
  int blocks = 0;
  int block_tokens = 0;
  int group = 0;  // whose slots and blocks they are: Step::kv
};

// Keys and values of one layer, in the layout of the backend that made them (Backend::kv_layout). To all
// others they are bytes: each tensor holds its blocks one after another, each in as many rows.
struct KvLayer {
  Tensor k, v;
  int block_tokens = 0;
  int group = 0;
  Tensor k_scales, v_scales;  // empty unless int8
  int blocks = 0;

  // A block's part of k, v, k_scales and v_scales; empty where these are.
  std::array<Tensor, 4> block(int index) const {
    const auto of = [&](const Tensor& t) {
      if (t.empty()) return t;
      const int rows = t.rows / blocks;
      return t.rows_at(index * rows, rows);
    };
    return {of(k), of(v), of(k_scales), of(v_scales)};
  }
};

// What one recurrent layer keeps of each sequence, f32. A slot holds it as it is behind some position. It
// cannot be taken back to an earlier one: what may be wanted again is copied to another slot.
struct StateLayer {
  Tensor inputs;  // [slots, (kernel − 1) × channels]  the last inputs of the convolution, oldest first
  Tensor memory;  // [slots, heads × key_dim × value_dim], or empty
};

// A causal convolution of each channel with its own inputs:
//   y(t) = f(bias + Σ weight[j] · x(t − (kernel − 1) + j))
struct Convolution {
  Tensor weight;     // [kernel, channels] f32; the last row is for the newest input
  Tensor bias;       // [1, channels] f32, or empty
  bool silu = true;  // f is x σ(x), else nothing
};

// The gated delta rule (arXiv 2412.06464; by channel: 2510.26692). Per value head, S [key_dim, value_dim], of
// the sequence's state:
//   q, k   of its key head, each divided by √(Σ x² + 1e-6); q also by √key_dim
//   S = S · e^(decay · softplus(alpha + step_bias))      by channel: row i of S by alpha and step_bias i
//   S = S + k ⊗ σ(beta) (v − Sᵀ k)
//   o = norm(Sᵀ q) · z σ(z)                              sigmoid_gate: norm(Sᵀ q) · σ(z)
struct DeltaRule {
  int key_heads = 0;
  int value_heads = 0;  // a multiple of key_heads
  int key_dim = 0;
  int value_dim = 0;
  // Value head j belongs to key head j mod key_heads; else to j / (value_heads / key_heads).
  bool tiled = false;
  bool by_channel = false;  // each channel of a key decays by a rate of its own
  bool sigmoid_gate = false;
  Tensor decay;      // [1, value_heads] f32, negative
  Tensor step_bias;  // [1, rates] f32
  Norm norm;         // kRms, of value_dim

  int key_width() const { return key_heads * key_dim; }
  int value_width() const { return value_heads * value_dim; }
  int channels() const { return 2 * key_width() + value_width(); }  // of the convolution: q, k, v
  int rates() const { return by_channel ? value_heads * key_dim : value_heads; }
  // q, k, v, z, beta [value_heads], alpha [rates]
  int in_width() const { return channels() + value_width() + value_heads + rates(); }
};

// Mamba-2's state space (arXiv 2405.21060). Per head, S [state_dim, head_dim], of the sequence's state:
//   t = softplus(dt + step_bias), limited to step_min … step_max
//   S = S · e^(decay · t) + B ⊗ (t · x)
//   y = Sᵀ C + skip · x
// Head j reads B and C of group j / (heads / groups). Then, with the gate g = z σ(z),
//   o = norm(y · g); norm_first: norm(y) · g
// where each group's part of the row is normalised by itself; Norm::kNone: o = y · g.
struct StateSpace {
  int heads = 0;  // a multiple of groups
  int head_dim = 0;
  int groups = 0;
  int state_dim = 0;
  float step_min = 0;
  float step_max = std::numeric_limits<float>::infinity();
  Tensor decay;      // [1, heads] f32, negative
  Tensor step_bias;  // [1, heads] f32
  Tensor skip;       // [1, heads] f32
  Norm norm;         // kRms with a weight [1, width], or kNone
  bool norm_first = false;

  int width() const { return heads * head_dim; }
  int group_width() const { return groups * state_dim; }
  int channels() const { return width() + 2 * group_width(); }  // of the convolution: x, B, C
  // z, x, B, C, dt
  int in_width() const { return width() + channels() + heads; }
};

// The operations on q and k before their product, and on the product.
struct AttentionLayer {
  HeadShape heads;
  float clip = 0;       // q, k and v are limited to ± clip before the rotation; 0: not
  Norm q_norm, k_norm;  // of each head, or of all heads together where the weight is so wide; kLayer: of all
  Norm v_norm;          // kNone or kRms, of each head
  bool norm_last = false;  // the norms come after the rotation, not before it
  Rope rope;
  // After the rotation q is multiplied by 1 + beta · ln(⌊(position + offset) / length⌋ + 1); length 0: not.
  struct Temperature {
    float beta = 0;
    int length = 0;
    int offset = 0;
  } temperature;
  bool shares_kv = false;  // qkv holds q alone; keys and values are another layer's, stored before

  float scale = 0;     // of q·k, e.g. 1/sqrt(head_dim)
  float soft_cap = 0;  // scores become soft_cap · tanh(score / soft_cap); 0: not
  int window = 0;      // a token sees this many positions, itself included; 0: all
  // Causal: the positions are cut into chunks of `window`, and a token sees those of its own chunk up to
  // itself.
  bool chunked = false;
  int first = 0;  // of the positions before this one, a token sees its own at most
  // Not causal: a token also sees the tokens after it, all of its sequence's context, or with a window those
  // that are at most window / 2 positions away. Then a step holds all tokens of a sequence.
  bool causal = true;
  Tensor sinks;  // [1, q_heads] f32, or empty: a score beside the keys' whose value is 0
  // Attention with linear biases (arXiv 2108.12409): behind the cap a score falls by its head's slope for
  // each position between the token and the key, on either side of it. [1, q_heads] f32, or empty
  Tensor slopes;
  float value_scale = 1;
};

struct Routing {
  Tensor expert_ids;  // [tokens, top_k] i32
  Tensor weights;     // [tokens, top_k] f32
};

// How a token chooses its experts. Its score of an expert is p: the softmax of the router's logits over all
// experts, or the logistic function of each.
//   1. rank = p + selection_bias (kSoftmaxOfChosen: the logit itself)
//   2. With groups: the experts are split evenly into `groups`; those of the groups_used groups with the
//      largest group rank remain: the sum of its two largest ranks, or its largest (group_by_largest).
//   3. The top_k experts of the largest rank are chosen, largest first; ties: the lower id first.
//   4. weight = p of the chosen (kSoftmaxOfChosen: the softmax over their logits); divided by the sum of the
//      weights (at least `floor`) if renormalize; times scale, and times the expert's own.
// kOneByOne (SparseMixer, arXiv 2409.12136): p is the logit, and the weight of each chosen one its share in a
// softmax over the experts that were not chosen before it, without those whose logits s are far below its
// own, b: where (b − s) / max(|s|, b) > 2 jitter. REQUIRES: one group, no selection_bias, not renormalize.
struct RoutingRule {
  enum class Score : uint8_t { kSoftmax, kSigmoid, kSoftmaxOfChosen, kOneByOne };
  int top_k = 0;
  Score score = Score::kSoftmax;
  bool renormalize = false;
  float floor = 0;
  float scale = 1;
  float jitter = 0;       // kOneByOne
  Tensor selection_bias;  // [1, experts] f32, or empty
  Tensor expert_scales;   // [1, experts] f32, or empty
  int groups = 1;
  int groups_used = 1;
  bool group_by_largest = false;
};

// What becomes one row of several.
enum class Pooling : uint8_t {
  kMean,
  kMeanOfRoot,    // the sum over the square root of the number of rows
  kWeightedMean,  // the i-th row, from 1, counts i times
  kMax,           // of each column
  kFirst,
  kLast,
};

enum class GateKind : uint8_t { kSigmoid, kSoftplus, kItself };  // 1 / (1 + e^−x), ln(1 + e^x), x

// Makes a layer's room for keys and values, all of it from the arena.
class Arena;
using KvLayout = KvLayer (*)(Arena& arena, const KvShape& shape);

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  // What its numbers depend on, and nothing else: "cpu, avx512, int8 activations". Two backends that say the
  // same give the same bits.
  virtual std::string arithmetic() const = 0;
  // Called by the thread that uses the backend from now on, which may be bound to a core for it.
  virtual void enter_thread() = 0;
  // Whether operations return before their work is done. Then a caller gains by issuing them early.
  virtual bool works_ahead() const = 0;

  // Memory and weights ----

  virtual std::unique_ptr<Buffer> allocate(size_t bytes) = 0;  // Error kNoMemory with the numbers
  virtual size_t free_bytes() const = 0;
  virtual KvLayout kv_layout() const = 0;
  virtual std::unique_ptr<Weight> pack(const WeightSource& source) = 0;
  // Bytes that kernels keep beside what allocate() gives: now, and with these weights packed. Both grow with
  // weights only.
  virtual size_t kernel_memory() const = 0;
  virtual size_t kernel_memory_for(std::span<const WeightSource> weights) const = 0;
  // Bytes that these weights take when packed beyond those that they have in their files.
  virtual size_t growth_of(std::span<const WeightSource> weights) const = 0;
  virtual void upload(Tensor dst, std::span<const std::byte> src) = 0;  // contiguous rows
  virtual void download(std::span<std::byte> dst, Tensor src) = 0;      // waits for the stream first
  virtual std::unique_ptr<Landing> landing(size_t bytes) = 0;           // for downloads of up to so many
  virtual void synchronize() = 0;

  // Stepping ----

  // Runs `body`, which issues operations. A backend that can record work does so once per shape, then
  // replays.
  virtual void run(const StepShape& shape, const std::function<void()>& body) = 0;

  // Token-wise ----

  virtual void embed(Tensor out, const Weight& table, Tensor tokens) = 0;  // out[t] = table[tokens[t]]
  virtual void norm(Tensor out, Tensor x, const Norm& norm) = 0;
  // residual += scale · x; out = norm(residual)
  virtual void add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) = 0;
  virtual void add(Tensor to, Tensor x, float scale) = 0;  // to += scale · x
  // x = factor · x; with a soft cap, cap · tanh(factor · x / cap). cap 0: none
  virtual void scale(Tensor x, float factor, float cap) = 0;
  virtual void linear(Tensor out, Tensor x, const Weight& w) = 0;  // out = x · wᵀ + bias
  // The same for each group h of w by itself: of columns [h × w.cols(), (h + 1) × w.cols()) of x to columns
  // [h × w.rows(), (h + 1) × w.rows()) of out. REQUIRES: w was packed as kHeads.
  virtual void linear_heads(Tensor out, Tensor x, const Weight& w) = 0;
  // out[i] = x[i] · wᵀ + bias, where w is that of its matrices which matrix[i] names. matrix [rows] i32
  virtual void linear_chosen(Tensor out, Tensor x, const Weight& w, Tensor matrix) = 0;
  // out = activation(x · wᵀ + bias); gated: half as wide as w has rows
  virtual void expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) = 0;
  // The second half of expand(), with the same bits: out = activation(x); gated: half as wide as x
  virtual void activate(Tensor out, Tensor x, const Activation& activation) = 0;
  // x *= f(gates). gates has x's columns, or a column for each run of x.cols / gates.cols of them
  virtual void apply_gate(Tensor x, Tensor gates, GateKind f) = 0;
  virtual void gather_rows(Tensor out, Tensor x, Tensor rows) = 0;  // out[i] = x[rows[i]]
  virtual void scatter_rows(Tensor to, Tensor x, Tensor rows) = 0;  // to[rows[i]] = x[i]
  // out[i] is made of the rows [starts[i], starts[i + 1]) of x, one or more, in order. starts [out.rows + 1]
  virtual void pool(Tensor out, Tensor x, Tensor starts, Pooling how) = 0;

  // Adapters ----

  // For each row t that has an adapter, and each LowRank of it:
  //   out[t, first + j] += scales[t] · scale · Σ_r b[r, j] · (Σ_i a[r, i] · x[t, from + i])
  // room [rows, the largest sum of the ranks of one adapter] f32 is scratch.
  virtual void add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                            Tensor room) = 0;
  // linear() and then add_low_rank(), with the same bits.
  virtual void linear_adapted(Tensor out, Tensor x, const Weight& w, const AddedRanks& added) {
    linear(out, x, w);
    add_ranks(out, x, added);
  }
  // expand() with add_low_rank() before the activation, with the same bits.
  virtual void expand_adapted(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                              const AddedRanks& added) {
    linear(added.product, x, w);
    add_ranks(added.product, x, added);
    activate(out, added.product, activation);
  }
  // The type in which matrices of low rank are kept that files have in float32.
  virtual DType low_rank_dtype() const { return DType::kF32; }
  // The same where the weight is a table: a[tokens[t], r] takes the place of the inner sum.
  virtual void add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                                      const AdapterRows& rows) = 0;

  // Attention ----

  // qkv is [tokens, qkv_width]: q heads, k heads, v heads, and where they are joined, q's second parts
  // (shares_kv: [tokens, q_width]). Normalise, clip and rotate q and k, and write keys and values to their
  // slots; the q that results stays in place. Of the second parts, the temperature alone applies.
  virtual void rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) = 0;
  // out [tokens, out_width] = value_scale · softmax(scale · q·K) · V, causal, over each sequence's blocks
  virtual void attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) = 0;
  virtual void copy_blocks(KvLayer kv, Tensor from_to) = 0;  // from_to [n, 2] i32: block onto block

  // Recurrent layers ----

  // x [tokens, channels], in place; reads and leaves state.inputs
  virtual void convolve(Tensor x, StateLayer state, const Step& step, const Convolution& convolution) = 0;
  // out [tokens, value_width] of x [tokens, in_width], whose channels are convolved; x may change. Reads and
  // leaves state.memory
  virtual void delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step,
                          const DeltaRule& rule) = 0;
  // out [tokens, width] of x [tokens, in_width], whose channels are convolved; x may change. Reads and leaves
  // state.memory, which is [slots, heads × state_dim × head_dim]
  virtual void state_space(Tensor out, Tensor x, StateLayer state, const Step& step,
                           const StateSpace& space) = 0;
  // from_to [n, 2] i32: slot onto slot
  virtual void copy_states(StateLayer state, Tensor from_to) = 0;

  // Mixture of experts ----

  virtual void route(Routing out, Tensor router_logits, const RoutingRule& rule) = 0;
  // out[t] = Σ weights[t,i] · down_e(activation(up_e(x))) for e = expert_ids[t,i], summed in order of i
  virtual void experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
                       const Activation& activation) = 0;

  // Sampling ----

  // Draws [first, first + draws.draws.rows) of the results: one token each of rows of logits [rows, vocab],
  // as draw.h says. `groups` counts from `first` too, and `after` may lie before it. The draws of a group are
  // made in order; groups are independent and share no row. The logits may change meanwhile and are
  // afterwards as they were before.
  virtual void draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) = 0;

 private:
  void add_ranks(Tensor out, Tensor x, const AddedRanks& added) {
    for (int first = 0; first < x.rows; first += kAdapterBlock) {
      const int count = x.rows - first < kAdapterBlock ? x.rows - first : kAdapterBlock;
      add_low_rank(out.rows_at(first, count), x.rows_at(first, count), added.adapters,
                   added.rows.at(first, count), added.room.first_rows(count));
    }
  }
};

}  // namespace ferrum
