// Models run over whole sequences, and how far the logits are from those of another.
#pragma once
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "backend/observers/observing_backend.h"
#include "checkpoint/adapters/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors/safetensors.h"
#include "engine/backend_factory.h"
#include "engine/runner.h"
#include "models/adapter_tables.h"

namespace ferrum::test {

struct Golden {
  int sequences = 0;
  int length = 0;
  int vocab = 0;
  std::vector<TokenId> ids;   // [sequences, length]
  std::vector<float> logits;  // [sequences, length, vocab]
};

inline Golden read_golden(const std::filesystem::path& folder, const char* logits = "logits") {
  const auto file = SafetensorsFile::open(folder / "golden.safetensors");
  Golden g;
  const std::vector<int64_t> ids = file->integers("input_ids");
  g.ids.assign(ids.begin(), ids.end());
  g.logits = decoded(file->tensor(logits));
  const std::vector<int64_t>& shape = file->find(logits)->shape;
  g.sequences = static_cast<int>(shape[0]);
  g.length = static_cast<int>(shape[1]);
  g.vocab = static_cast<int>(shape[2]);
  return g;
}

using RouterLogits = std::vector<std::vector<float>>;  // of each router, in the order of the layers

struct Setup {
  std::string backend = "reference";
  std::string activations = "int8";
  int chunk = 0;  // 0: all at once
  RouterLogits* kept_router_logits = nullptr;
  const RouterLogits* given_router_logits = nullptr;
  std::filesystem::path adapter = {};
  std::vector<int> without = {};  // sequences that do not use it
};

// Keeps the routers' logits, or puts given ones in their place.
class RouterBackend final : public ObservingBackend {
 public:
  RouterBackend(std::unique_ptr<Backend> inner, RouterLogits* kept, const RouterLogits* given)
      : ObservingBackend(*inner), owned_(std::move(inner)), kept_(kept), given_(given) {}

 private:
  void observe(const OperationCall& call, FunctionRef<void()> operation) override {
    if (call.name == "route") {
      std::vector<float> logits(static_cast<size_t>(call.in.rows) * static_cast<size_t>(call.in.cols));
      if (kept_ != nullptr) {
        inner().download(std::as_writable_bytes(std::span(logits)), call.in);
        kept_->push_back(logits);
      }
      if (given_ != nullptr) inner().upload(call.in, std::as_bytes(std::span((*given_)[next_++])));
    }
    operation();
  }

  std::unique_ptr<Backend> owned_;
  RouterLogits* kept_;
  const RouterLogits* given_;
  size_t next_ = 0;
};

// All sequences in one batch, `chunk` tokens of each at once.
inline std::vector<float> compute(const std::filesystem::path& folder, const Golden& g, const Setup& setup) {
  const int chunk = setup.chunk > 0 ? setup.chunk : g.length;
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(folder);
  const int rows = chunk * g.sequences;
  Runner runner(std::make_unique<RouterBackend>(
                    make_backend({.name = setup.backend, .threads = 2, .activations = setup.activations}),
                    setup.kept_router_logits, setup.given_router_logits),
                checkpoint,
                {.max_tokens = rows,
                 .max_sequences = g.sequences,
                 .max_outputs = rows,
                 .max_context = g.length,
                 .kv_tokens = g.length * g.sequences,
                 .adapters = setup.adapter.empty() ? 0 : 2,
                 .kv_dtype = DType::kF32});
  AdapterUse use;
  if (!setup.adapter.empty()) {
    const Adapter adapter = read_adapter(setup.adapter, *checkpoint);
    AdapterTables& tables = *runner.model().adapters();
    tables.install(runner.backend(), 1, tables.prepare(adapter));
    use = {.slot = 1, .changes_experts = adapter.changes_experts()};
  }
  const int blocks_each = runner.blocks() / g.sequences;
  std::vector<BlockId> blocks = first_blocks(runner.blocks());
  std::reverse(blocks.begin(), blocks.end());  // no block lies where a contiguous cache would have it

  std::vector<float> logits(g.logits.size());
  for (int begin = 0; begin < g.length; begin += chunk) {
    const int count = std::min(chunk, g.length - begin);
    std::vector<Chunk> chunks;
    for (int s = 0; s < g.sequences; ++s)
      chunks.push_back(
          {std::span(g.ids).subspan(static_cast<size_t>(s) * g.length + begin, static_cast<size_t>(count)),
           begin, std::span(blocks).subspan(static_cast<size_t>(s) * blocks_each, blocks_each),
           Outputs::kAll});
    for (int s = 0; s < g.sequences; ++s)
      if (std::ranges::find(setup.without, s) == setup.without.end())
        chunks[static_cast<size_t>(s)].adapter = use;
    const std::span<const float> result = runner.step(chunks);
    const size_t part = static_cast<size_t>(count) * g.vocab;
    for (int s = 0; s < g.sequences; ++s)
      std::copy_n(result.begin() + static_cast<ptrdiff_t>(s * part), part,
                  logits.begin() + (static_cast<ptrdiff_t>(s) * g.length + begin) * g.vocab);
  }
  return logits;
}

// The largest difference at any position, as a share of the largest logit.
inline double relative_error(const std::vector<float>& got, const std::vector<float>& expected) {
  double largest = 0, difference = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    difference = std::max(difference, std::abs(static_cast<double>(got[i]) - expected[i]));
    if (!std::isfinite(got[i])) return INFINITY;
  }
  return difference / largest;
}

// The error's share of the golden's energy.
inline double normalized_square_error(const std::vector<float>& got, const std::vector<float>& expected) {
  double error = 0, energy = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += (static_cast<double>(got[i]) - expected[i]) * (static_cast<double>(got[i]) - expected[i]);
    energy += static_cast<double>(expected[i]) * expected[i];
  }
  return error / energy;
}

}  // namespace ferrum::test
