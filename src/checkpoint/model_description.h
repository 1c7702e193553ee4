// The description of a model, from either checkpoint format: numbers and switches, checked and in range.
//
// Architectures differ in which switches they set (checkpoint/architectures/); everything else reads the
// description and the tensor plan that follows from it (tensor_plan.h), never the architecture's name.
#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/tensor_role.h"

namespace ferrum {

struct Architecture;
std::string_view name_of(const Architecture& architecture);  // as GGUF's general.architecture: "qwen3moe"

struct RopeScaling {
  enum class Kind { kNone, kLinear, kDynamic, kLlama3, kYarn, kLongRope };
  Kind kind = Kind::kNone;
  float factor = 1;
  int original_context = 0;                        // positions the model was trained on before scaling
  float alpha = 0;                                 // dynamic: a fixed stretch of theta; 0: by the context
  float low_frequency_factor = 1;                  // llama3
  float high_frequency_factor = 4;                 // llama3
  float beta_fast = 32;                            // yarn
  float beta_slow = 1;                             // yarn
  bool truncate = true;                            // yarn: round the correction range to whole dimensions
  std::optional<float> attention_factor;           // yarn, longrope: scales cos and sin; else computed
  std::optional<float> short_attention_factor;     // longrope within the original context, if it is another
  std::optional<float> mscale, mscale_all_dim;     // yarn (DeepSeek's form)
  std::vector<float> short_factors, long_factors;  // longrope: [rotary_dim / 2] each
};

struct RopeDescription {
  float theta = 10000;
  int rotary_dim = 0;        // of head_dim; even
  bool interleaved = false;  // pairs (2i, 2i + 1), not (i, i + rotary_dim / 2)
  RopeScaling scaling;
  std::vector<float> frequency_divisors;  // [rotary_dim / 2] or empty: GGUF's rope_freqs.weight
  // Pairs that rotate by time, height and width (M-RoPE), for files alone: a text's positions are all the
  // same.
  std::vector<int> sections;
};

// RMS norm of q and k before their product.
enum class HeadNorm : uint8_t {
  kNone,
  kHead,        // each head, with a weight [head_dim]
  kWidth,       // all heads together, with a weight [heads × head_dim]
  kWeightless,  // each head, without a weight
};

// A factor of the attention's output, computed from its input by a projection of its own.
enum class OutputGate : uint8_t { kNone, kSigmoid, kSoftplus };

// Which table of rotations a layer uses.
enum class LayerRope : uint8_t { kNone, kMain, kWindow };

struct AttentionDescription {
  int q_heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int value_dim = 0;  // of a head of v
  int window = 0;     // positions that a token sees, its own included; 0: all
  // Positions are cut into chunks of `window`, and a token sees those of its own chunk up to itself.
  bool chunked = false;
  bool tempered = true;  // q grows with the position where the model says so (temperature_length)
  LayerRope rope = LayerRope::kMain;
  HeadNorm norm = HeadNorm::kNone;
  bool norm_last = false;   // after the rotation
  bool layer_norm = false;  // kWidth by mean and variance, with a bias; else RMS
  float clip = 0;           // q, k and v are limited to ± clip; 0: not
  float scale = 0;          // of q·k
  float soft_cap = 0;       // of scores; 0: none
  float value_scale = 1;
  bool sinks = false;  // a learned score for each head that takes weight and has no value
  // Scores fall with the distance, in each head by a slope that follows from their number (models/alibi.h).
  bool alibi = false;
  OutputGate gate = OutputGate::kNone;
  bool gate_per_head = false;  // else per element
  bool value_norm = false;     // an RMS norm of v, head by head, without a weight
  bool value_is_key = false;   // v is what k is before its norm and rotation; there is no tensor for it
  int kv_layer = -1;           // whose keys and values the layer reads; -1: its own
  bool gate_in_query = false;  // one tensor has the rows of q and of the gate, head by head
  // Latent attention (arXiv 2405.04434): keys and values of all heads are products with one vector of a
  // token, of this size; 0: not. There is one key and value head then. Of the heads of q and k the last
  // rope_dim numbers are rotated, and in k they are the same for all heads.
  int latent = 0;
  int query_latent = 0;  // q is a product with a vector of this size; 0: with the layer's input
  int rope_dim = 0;
  float in_scale = 1;   // of what the projections read
  float out_scale = 1;  // of what the layer's attention gives

  int q_width() const { return q_heads * head_dim; }
  int k_width() const { return kv_heads * head_dim; }
  int v_width() const { return kv_heads * value_dim; }
  // Of what the layer projects; of latent attention with q in terms of the latent vector.
  int qkv_width() const {
    if (latent > 0) return q_width() + rope_dim + latent + q_heads * latent;
    return q_width() + (kv_layer < 0 ? k_width() + v_width() : 0);
  }
  int plain_dim() const { return head_dim - rope_dim; }  // of the part that is not rotated
  int out_width() const { return q_heads * value_dim; }
};

enum class ActivationFunction : uint8_t {
  kSilu,
  kGelu,
  kGeluTanh,
  kReluSquared,
  kClampedSilu,
  kXielu,
  kScaledSilu
};

struct FeedForwardDescription {
  int width = 0;             // of the inner layer; of one expert where there are experts
  int experts = 0;           // 0: a dense layer
  int shared_width = 0;      // of the expert that every token passes; 0: none
  bool shared_gate = false;  // times σ of a projection of the input
  // Of a dense part beside the experts; 0: none. Then both parts and the router have norms of their own, and
  // experts and router read the residual.
  int beside_width = 0;
  bool mixture_bias = false;  // of what all experts give together
  int latent_width = 0;  // of what experts read and give, between two projections; 0: the hidden state itself
  float out_scale = 1;   // of what the part gives
  // Limits of the activation by layer (Activation::Kind::kSilu), of the layer or its experts, and of
  // the shared expert; 0: none.
  float limit = 0, shared_limit = 0;
  // XIELU's parameters as stored, before softplus (apertus).
  float xielu_positive = 0, xielu_negative = 0, xielu_beta = 0, xielu_limit = 0;
};

// A layer that keeps a state of fixed size of a sequence instead of keys and values: the gated delta rule.
struct DeltaDescription {
  int key_heads = 0;
  int value_heads = 0;
  int key_dim = 0;
  int value_dim = 0;
  int kernel = 0;             // positions that the convolution sees
  bool tiled = false;         // value head j belongs to key head j mod key_heads
  bool decay_is_log = false;  // stored as its logarithm, without the sign
  bool joint_rates = false;   // alpha and beta in one tensor
  // Each channel of a key decays by a rate of its own, and the gate is a logistic function (Kimi). Rates and
  // gate are products of low rank then.
  bool by_channel = false;
  int rank = 0;

  int key_width() const { return key_heads * key_dim; }
  int value_width() const { return value_heads * value_dim; }
  int channels() const { return 2 * key_width() + value_width(); }
  int rates() const { return by_channel ? key_width() : value_heads; }
  int in_width() const { return channels() + value_width() + value_heads + rates(); }
};

// A layer that mixes neighbours by a short convolution of every channel, between two gates:
//   [b | c | x] = W h;  y = W_out (c ⊙ conv(b ⊙ x))
struct ConvolutionDescription {
  int width = 0;   // channels
  int kernel = 0;  // positions that it sees
};

// A layer with Mamba-2's state space; formulas: StateSpace in backend/backend.h.
struct StateSpaceDescription {
  int heads = 0;
  int head_dim = 0;
  int groups = 0;
  int state_dim = 0;
  int kernel = 0;  // positions that the convolution sees
  float step_min = 0;
  float step_max = std::numeric_limits<float>::infinity();
  bool normed = true;
  bool norm_first = false;                        // before the gate
  bool decay_is_log = false;                      // stored as its logarithm, without the sign
  float in_scale = 1;                             // of what the projection reads
  float out_scale = 1;                            // of what the layer's state space gives
  std::array<float, 5> scales = {1, 1, 1, 1, 1};  // of z, x, B, C and dt as they are projected

  int width() const { return heads * head_dim; }
  int group_width() const { return groups * state_dim; }
  int channels() const { return width() + 2 * group_width(); }
  int in_width() const { return width() + channels() + heads; }
};

// What lets positions see each other. kNone: the layer is a feed-forward part alone.
enum class Mixer : uint8_t { kAttention, kDelta, kConvolution, kStateSpace, kNone };

struct LayerDescription {
  Mixer mixer = Mixer::kAttention;
  AttentionDescription attention;  // without heads: the layer does not attend; with them beside another mixer
  bool feeds_forward = true;
  FeedForwardDescription feed_forward;

  bool attends() const { return mixer == Mixer::kAttention || attention.q_heads > 0; }
  bool mixes() const { return mixer != Mixer::kNone; }
  // Leaves the layer without heads, keys and values.
  void stop_attending() {
    attention.q_heads = attention.kv_heads = 0;
    attention.rope = LayerRope::kNone;
  }
};

// A multi-token prediction (MTP) head: of the hidden state behind the last norm at a position, and the token
// after it, it predicts the token after that. (DeepSeek-V3, arXiv 2412.19437, section 2.2.)
//   x = projection · [norm(embedding of the token), norm(hidden state)];  logits = head · norm(layer(x))
struct MtpHead {
  LayerDescription layer;      // its tensors are those of layer depth()
  bool own_embedding = false;  // else the model's embedding table serves
  bool own_head = false;       // else the model's head does
};

// How tokens choose experts; formulas: RoutingRule in backend/backend.h.
struct RoutingDescription {
  enum class Score : uint8_t { kSoftmax, kSigmoid, kSoftmaxOfChosen, kOneByOne };
  int top_k = 0;
  Score score = Score::kSoftmax;
  bool renormalize = false;
  float floor = 0;  // of the sum of weights, where they are renormalized
  float scale = 1;
  float jitter = 0;     // kOneByOne
  float logit_cap = 0;  // soft cap of the router's logits; 0: none
  bool selection_bias = false;
  int groups = 1;
  int groups_used = 1;
  bool group_by_largest = false;
  bool weighs_input = false;  // an expert's weight multiplies what it reads, not what it gives
};

// A model whose tokens see each other both ways, and which keeps nothing from one step to the next.
struct EncoderDescription {
  int positions = 0;       // rows of the table of learned positions; 0: none
  int first_position = 0;  // the row of a text's first token
  int types = 0;           // rows of the table of token types; 0: none
  bool embedding_norm = true;
  bool norms_sums = false;  // x = norm(x + f(x)), else as the wiring says
  bool first_norm = true;   // before the attention of the first layer
  // Behind the norm of the attention's sum another one: x = norm(x + norm(x + attention(x)))
  bool second_norm = false;
};

// What becomes one vector of a text's rows; formulas: Pooling in backend/backend.h.
enum class TextPooling : uint8_t { kMean, kMeanOfRoot, kWeightedMean, kMax, kFirst, kLast };

// A product behind the pooling: y = norm(f(W x + b)).
struct TextLayer {
  TensorKey weight, norm;  // norm.role kEmbedding: none
  int in = 0, out = 0;
  enum class Function : uint8_t { kNone, kTanh, kSilu, kGelu, kGeluTanh } function = Function::kNone;

  bool has_norm() const { return norm.role != TensorRole::kEmbedding; }
};

// What a model that reads a text as a whole makes of it: an embedding, or logits of labels.
struct TextHeadDescription {
  std::vector<TextPooling> pooling;  // their vectors lie one behind the other; empty: there is no such head
  bool pools_prompt = true;          // the prompt's tokens count as well
  std::vector<TextLayer> layers;
  bool normalizes = false;  // to length 1
  bool classifies = false;
  std::vector<std::string> labels;  // may be empty
  // From logits to scores. kUsual: the logistic function of one label, the softmax of several.
  enum class Scores : uint8_t { kUsual, kLogits, kLogistic, kSoftmax } scores = Scores::kUsual;
  // How a pair is written for a model that reads it in the turns of a chat, with {instruction}, {query} and
  // {document} in place of texts; empty: the two texts are joined as the tokenizer's files say.
  std::string pair_form;
  std::string plain_form;  // the same where there is no instruction, if it is more than pair_form without one
  std::string instruction;  // of pair_form, unless a request gives another

  bool reads_instructions() const { return pair_form.find("{instruction}") != std::string::npos; }
  int max_tokens = 0;  // of one text with the tokens around it; 0: the context
  std::vector<std::pair<std::string, std::string>> prompts;  // by name
  std::string default_prompt;                                // the name of one; empty: none

  int width(int hidden) const {  // of what it makes
    return layers.empty() ? hidden * static_cast<int>(pooling.size()) : layers.back().out;
  }
};

// The order of a layer's parts: attention and feed-forward with their norms.
struct LayerWiring {
  bool norm_before = true;      // x += f(norm(x))
  bool norm_after = false;      // x += norm(f(x)); with norm_before a sandwich
  bool parallel = false;        // attention and feed-forward read one norm and are added together
  bool parallel_norms = false;  // with parallel: feed-forward reads a norm of its own
  bool layer_norm = false;      // mean and variance; else RMS
  bool norm_weight = true;
  bool norm_bias = false;
  bool norm_plus_one = false;  // stored weights are the factor − 1 (folders of Gemma)
  float eps = 1e-5f;
  float after_eps = 0;       // of the norms after; 0: as eps
  float residual_scale = 1;  // of what is added to the residual
};

// The numbers that a layer keeps of a sequence whatever its length, beside keys and values (StateLayer in
// backend/backend.h); 0: none.
struct StateSize {
  int64_t inputs = 0;
  int64_t memory = 0;
};

struct ModelDescription {
  const Architecture* architecture = nullptr;
  std::string name;  // for people

  int hidden = 0;
  int vocab = 0;
  int context = 0;  // positions the model is made for
  std::vector<LayerDescription> layers;
  DeltaDescription delta;              // of the layers that have this mixer
  ConvolutionDescription convolution;  // so too
  StateSpaceDescription state_space;   // so too
  std::optional<MtpHead> mtp;          // where it is wanted (CheckpointParts)
  LayerWiring wiring;
  bool final_norm_plus_one = true;  // where wiring.norm_plus_one

  // Tokens of a multimodal model that stand for an image or a sound, and the token whose rows of the
  // embedding tables they have: there are no vectors to put in their place. Only folders say so.
  std::vector<int32_t> placeholders;
  int32_t placeholder_row = 0;
  int positions =
      0;  // rows of a decoder's table of learned positions, which are added to embeddings; 0: none
  float embedding_scale = 1;
  bool scales_vectors = false;  // also what comes as vectors instead of tokens, as transformers does here
  bool layer_scales = false;    // the residual behind each layer is multiplied by a number of its own
  int per_layer_width = 0;      // of what each layer adds for a token by itself; 0: nothing
  int per_layer_vocab = 0;      // rows of its table
  bool embedding_norm = false;  // a weightless RMS norm of embedding rows
  float logit_scale = 1;
  float logit_cap = 0;  // soft cap of logits, after the scale; 0: none

  RopeDescription rope, window_rope;  // of LayerRope::kMain and kWindow
  // q is multiplied by 1 + beta · ln(⌊(position + offset) / length⌋ + 1); length 0: not.
  float temperature_beta = 0;
  int temperature_length = 0;
  int temperature_offset = 0;

  ActivationFunction activation = ActivationFunction::kSilu;
  bool gated = true;           // act(gate(x)) · up(x), else act(up(x))
  float activation_limit = 0;  // kClampedSilu
  float activation_alpha = 0;

  RoutingDescription routing;

  bool causal = true;                         // else a token sees the tokens after it as well
  std::optional<EncoderDescription> encoder;  // nothing: a decoder
  TextHeadDescription text_head;

  std::vector<TensorRole> biased;    // projections that must have a bias
  std::vector<TensorRole> unbiased;  // projections whose bias is not used, though a folder should store it
  bool tied_head = false;            // the head is the embedding table

  int64_t parameters = 0;  // of all tensors that the model uses

  int depth() const { return static_cast<int>(layers.size()); }
  // Of the text model, and behind them that of the MTP head.
  int depth_with_mtp() const { return depth() + (mtp ? 1 : 0); }
  const LayerDescription& layer(int i) const {
    return i == depth() ? mtp.value().layer : layers[static_cast<size_t>(i)];
  }
  // Sizes of the largest layer, for callers that need one number.
  int window() const;           // 0: no layer has one
  bool has(Mixer mixer) const;  // in some layer
  StateSize state_of(const LayerDescription& layer) const;
  bool keeps_states() const;                            // in some layer
  const AttentionDescription& first_attention() const;  // of the first layer that attends
  int experts() const;
  int expert_width() const;
  int dense_width() const;
  int shared_width() const;
  bool has_bias(TensorRole role) const;
};

// Checks ranges, and fields against each other (faults B13, B14). Error kBadConfig naming `source` and the
// field.
void validate(const ModelDescription& model, const std::string& source);

}  // namespace ferrum
