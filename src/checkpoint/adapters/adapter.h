// LoRA adapters (arXiv 2106.09685): what they add to the weights of a model, from a folder as PEFT writes it
// (adapter_config.json, adapter_model.safetensors) or from a GGUF file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/hash128.h"
#include "checkpoint/checkpoint.h"
#include "tensor/dtype.h"

namespace ferrum {

// W becomes W + scale · B A; the embedding, whose rows are looked up, W + scale · (B A)ᵀ.
struct LowRankChange {
  TensorKey key;     // of the weight, as the checkpoint has it; perhaps of a fused one
  std::string name;  // in the adapter's file, for messages
  int64_t rank = 0;
  float scale = 1;
  DType dtype = DType::kF32;  // in which the file stores A and B: f32, f16 or bf16
  std::vector<float> a;       // [rank, columns of W]; of the embedding [rank, vocab]
  std::vector<float> b;       // [rows of W, rank]; of the embedding [hidden, rank]
};

// W becomes another matrix of the same shape, which the adapter stores whole: the embedding, or the head.
// Where these are one tensor, only the one that is named becomes another.
struct WholeChange {
  TensorKey key;
  std::string name;
  std::vector<float> difference;  // [rows, cols], to the base's
};

// Whether rows of such a tensor are looked up by token.
constexpr bool is_table(TensorRole role) {
  return role == TensorRole::kEmbedding || role == TensorRole::kPerLayerEmbedding ||
         role == TensorRole::kMtpEmbedding;
}

struct Adapter {
  std::string source;  // the file or folder, for messages
  std::vector<LowRankChange> changes;
  std::vector<WholeChange> whole;
  Hash128 fingerprint;  // differs where the adapter's numbers differ

  int64_t parameters() const;
  bool changes_experts() const;
  int largest_rank() const;
};

// Reads an adapter for this base model. Rows and columns of A and B are in the order of the base's tensors,
// whichever kind of file each of the two is. Errors: kNotFound; kBadFile for a damaged file, a matrix
// without its partner, and values that are not finite; kBadConfig for a shape that does not fit the base,
// naming both; kUnsupported, by name, for methods that are not LoRA (DoRA and others), and for tensors that
// the base does not have.
Adapter read_adapter(const std::filesystem::path& path, const Checkpoint& base);

// The bytes that its matrices take in memory, as the file's header says, where float32 ones of low rank are
// kept as `kept`. Errors: those of opening the file.
uint64_t adapter_bytes(const std::filesystem::path& path, DType kept);

}  // namespace ferrum
