// Everything a model may ask of a device. One Backend is one device and one stream, used by one thread.
//
// Contract of every operation:
//   - it is asynchronous on the backend's stream and never allocates device memory;
//   - its launch shape depends only on tensor shapes and StepShape, never on device data;
//   - so a sequence of operations may be recorded once and replayed (see `run`);
//   - a row's result depends only on that row and its sequence's context, bit for bit: not on the other rows
//     of the batch, on how the prompt was split into chunks, or on the number of threads;
//   - `out` may alias `x` only in row-wise operations (the norms);
//   - every backend implements every operation: there is no `supports_x()`.
// Activations are float32 unless said otherwise. The plain meaning of each operation stands in reference/.
#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "backend/weight.h"
#include "tensor/tensor.h"

namespace ferrum {

// Device memory, freed with it.
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
  bool operator==(const StepShape&) const = default;
};

// The device-resident inputs of one forward pass, at fixed addresses: a ragged batch of tokens from many
// sequences, chunks of prompts and single decode tokens side by side. All tensors are i32.
struct Step {
  StepShape shape;
  Tensor tokens;       // [tokens]
  Tensor positions;    // [tokens]                 absolute, from 0
  Tensor kv_slots;     // [tokens]                 block × block_tokens + offset of each new key and value
  Tensor block_table;  // [sequences, max blocks]  blocks of each sequence, in order of position
  Tensor query_start;  // [sequences + 1]          first token row of each sequence, and the end
  Tensor context_len;  // [sequences]              tokens of the sequence with this step's included
  Tensor output_rows;  // [outputs]                rows of the hidden state to read out
};

struct HeadShape {
  int q_heads = 0;
  int kv_heads = 0;
  int head_dim = 0;

  int q_width() const { return q_heads * head_dim; }
  int kv_width() const { return kv_heads * head_dim; }
  int qkv_width() const { return q_width() + 2 * kv_width(); }
};

// Which elements of a head are rotated together: i with i + half (Hugging Face), or 2i with 2i + 1 (GGUF
// files of the llama architecture, Meta's own checkpoints).
enum class RopePairing { kHalves, kNeighbours };

struct Rope {
  Tensor cos_sin;  // [positions, rotary_dim] f32: rotary_dim / 2 cosines, then as many sines
  RopePairing pairing = RopePairing::kHalves;
};

// Keys and values of one layer, f32, f16, bf16 or int8, in blocks of block_tokens slots. A slot is
// block × block_tokens + the offset in the block. Values lie token by token. Keys lie dimension by dimension:
// a block stores block_tokens values of each dimension side by side, so that a kernel loads keys into lanes
// and sums each product in order of dimension. int8: x = scale × byte, with one scale per token and head,
// which is the largest magnitude over 127.
struct KvLayer {
  Tensor k;  // [blocks, kv_heads × head_dim × block_tokens]
  Tensor v;  // [blocks × block_tokens, kv_heads × head_dim]
  int block_tokens = 0;
  Tensor k_scales, v_scales;  // [blocks × block_tokens, kv_heads] f32 for int8, else empty

  // What a block has of k, v, k_scales and v_scales; empty where these are.
  std::array<Tensor, 4> block(int index) const {
    const auto of = [&](const Tensor& t) {
      return t.empty() ? t : t.rows_at(index * block_tokens, block_tokens);
    };
    return {k.row(index), of(v), of(k_scales), of(v_scales)};
  }
};

// What one layer does to q and k before they meet, and how they meet.
struct AttentionLayer {
  HeadShape heads;
  Rope rope;
  Tensor q_norm, k_norm;  // [head_dim] f32, or empty: RMS norm of each head before the rotation
  float norm_eps = 0;
  float scale = 0;  // of q·k, e.g. 1/sqrt(head_dim)
  int window = 0;   // a token sees this many positions, itself included; 0: all
};

struct Routing {
  Tensor expert_ids;  // [tokens, top_k] i32
  Tensor weights;     // [tokens, top_k] f32
};

struct RoutingRule {
  int top_k = 0;
  bool renormalize = false;  // make the chosen weights sum to 1
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;

  // Memory and weights ----

  virtual std::unique_ptr<Buffer> allocate(size_t bytes) = 0;  // Error kNoMemory with the numbers
  virtual size_t free_bytes() const = 0;
  virtual std::unique_ptr<Weight> pack(const WeightSource& source) = 0;
  virtual void upload(Tensor dst, std::span<const std::byte> src) = 0;  // contiguous rows
  virtual void download(std::span<std::byte> dst, Tensor src) = 0;      // waits for the stream first
  virtual void synchronize() = 0;

  // Stepping ----

  // Runs `body`, which issues operations. A backend that can record work does so once per shape, then
  // replays.
  virtual void run(const StepShape& shape, const std::function<void()>& body) = 0;

  // Token-wise ----

  virtual void embed(Tensor out, const Weight& table, Tensor tokens) = 0;  // out[t] = table[tokens[t]]
  virtual void rms_norm(Tensor out, Tensor x, Tensor weight, float eps) = 0;
  // residual += x; out = rms_norm(residual)
  virtual void add_rms_norm(Tensor out, Tensor residual, Tensor x, Tensor weight, float eps) = 0;
  virtual void linear(Tensor out, Tensor x, const Weight& w) = 0;  // out = x · wᵀ + bias
  // w stacks gate over up: out = silu(gate(x)) * up(x), half as wide as w has rows
  virtual void swiglu(Tensor out, Tensor x, const Weight& gate_up) = 0;
  virtual void gather_rows(Tensor out, Tensor x, Tensor rows) = 0;  // out[i] = x[rows[i]]

  // Attention ----

  // qkv is [tokens, qkv_width]: q heads, k heads, v heads. Norm (if any), rotate, write keys and values to
  // their slots; the rotated q stays in place.
  virtual void rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) = 0;
  // out [tokens, q_width] = softmax(scale · q·K) · V, causal, over each sequence's blocks
  virtual void attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) = 0;
  virtual void copy_blocks(KvLayer kv, Tensor from_to) = 0;  // from_to [n, 2] i32: block onto block

  // Mixture of experts ----

  // softmax over all experts, then the top_k largest (ties: the lower id first), largest first
  virtual void route(Routing out, Tensor router_logits, const RoutingRule& rule) = 0;
  // out[t] = Σ weights[t,i] · down_e(silu(gate_e(x)) * up_e(x)) for e = expert_ids[t,i], summed in order of i
  virtual void experts(Tensor out, Tensor x, const Routing& routing, const Weight& gate_up,
                       const Weight& down) = 0;
};

}  // namespace ferrum
