// A loaded model with everything a step needs: the backend, the decoder, the step's inputs and its logits.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/function_ref.h"
#include "cache/prefix_cache.h"
#include "checkpoint/checkpoint.h"
#include "engine/draw_stage.h"
#include "engine/step_runner.h"
#include "models/loader.h"

namespace ferrum {

struct RunnerOptions {
  int max_tokens = 512;   // rows of one step
  int max_sequences = 1;  // in one step
  int max_outputs = 1;    // rows of logits of one step
  int max_context = 0;    // tokens of one sequence
  int kv_tokens = 0;      // tokens of all sequences together, rounded up to whole blocks for each sequence
  // Of recurrent layers. Each sequence of a step takes two; others are kept for prompts that begin alike. 0:
  // a few are kept.
  int state_slots = 0;
  int max_vectors = 0;  // rows of one step that come as embedding vectors
  int mtp_rows = 0;     // of a model with an MTP head: the most tokens that it drafts, and two
  int adapters = 0;     // in use at once
  int block_tokens = 16;
  DType kv_dtype = DType::kF16;
  // kGivenBack: layers with a window have blocks of their own, which chunks bring (Chunk::pages); kKept: they
  // keep all positions, in the blocks of the others.
  enum class BehindWindows : uint8_t { kKept, kGivenBack } behind_windows = BehindWindows::kKept;
};
// How a cache's contents are laid out for a model that runs with these options.
KvSizes kv_sizes(const ModelDescription& model, const RunnerOptions& options);

// Bytes that a runner with these options takes, beside the weights and the memory of the backend's kernels.
struct RunnerMemory {
  uint64_t kv = 0;
  uint64_t activations = 0;  // with logits, inputs and the rotation table
};
RunnerMemory runner_memory(KvLayout layout, const ModelDescription& model, const RunnerOptions& options);

class Runner final : public StepRunner {
 public:
  Runner(std::shared_ptr<Backend> backend, std::shared_ptr<const Checkpoint> checkpoint,
         const RunnerOptions& options, const LoadProgress& progress = {});
  // The model is what `make` makes for these limits.
  using MakeModel = std::function<std::unique_ptr<Model>(const DecoderLimits&)>;
  Runner(std::shared_ptr<Backend> backend, std::shared_ptr<const Checkpoint> checkpoint,
         const RunnerOptions& options, const MakeModel& make);

  void launch(std::span<const Chunk> chunks, const DrawList& draws) override;
  DrawnTokens collect() override;
  bool runs_ahead() const override;
  void copy_blocks(std::span<const BlockCopy> copies) override;
  void read_hidden(std::span<float> states) override;
  // One step of the MTP head, at once: each chunk's tokens, of which the last may be a drafted one. The
  // hidden states before them are those of the positions before, or those that the head gave there itself.
  // The draws are of the token behind each chunk's last.
  DrawnTokens draft(std::span<const Chunk> chunks, const DrawList& draws);
  int vocab() const override { return checkpoint_->model().vocab; }
  int hidden() const override { return checkpoint_->model().hidden; }
  // Runs one step without draws. The result is its logits, [outputs, vocab], in the order of the chunks,
  // valid until the next call. They are copied to host memory that no plan counts. Errors as launch().
  std::span<const float> step(std::span<const Chunk> chunks);
  // The same of the MTP head.
  std::span<const float> step_mtp(std::span<const Chunk> chunks);
  // The blocks of each group of layers, which the chunks' blocks and pages name.
  const KvSizes& kv() const { return kv_; }
  int blocks() const { return kv_.blocks; }
  // For a cache that gives out these blocks and pages.
  PrefixCache::Options cache_options(PrefixCache::Reuse reuse) const;
  const Model& model() const { return *model_; }
  // Contents of blocks are read and written between steps.
  Model& model() { return *model_; }
  const RunnerOptions& options() const { return options_; }
  const Checkpoint& checkpoint() const { return *checkpoint_; }
  Backend& backend() { return *backend_; }

 private:
  // Builds a step and uploads what it and its draws, if any, need.
  void build(std::span<const Chunk> chunks, StepBuilder::Pass pass, const DrawList* draws);
  // Issues the forward pass of the step that was built. Returns its logits.
  Tensor issue_forward();
  Tensor issue_mtp();
  void run(FunctionRef<void()> forward);
  std::span<const float> download(Tensor logits);
  // The same with the draws of the step that was launched.
  void issue();
  void require_whole_file() const;

  std::shared_ptr<const Checkpoint> checkpoint_;  // outlives the model, whose weights may look into it
  std::shared_ptr<Backend> backend_;              // of several runners that take turns
  RunnerOptions options_;
  KvSizes kv_;
  std::unique_ptr<Model> model_;
  BackendArena arena_;
  StepUpload upload_;  // of a step and its draws
  StepBuilder builder_;
  std::unique_ptr<Buffer> logits_buffer_;
  Tensor logits_;  // [max_outputs, vocab] f32, on the device
  DrawStage draw_stage_;
  const Step* step_ = nullptr;          // built last
  const DrawList* launched_ = nullptr;  // draws that are not issued yet
  std::vector<float> host_logits_;      // [outputs, vocab], of step()
};

}  // namespace ferrum
