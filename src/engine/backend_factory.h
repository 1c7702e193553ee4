// Backends by name.
#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"
#include "backend/split/split_backend.h"

namespace ferrum {

struct BackendOptions {
  std::string name = "cpu";  // "cpu", "cuda", "cuda:1" (the second GPU) or "reference"
  int threads = 0;           // 0: one for each physical core that this process may use
  std::string activations =
      "int8";          // of products: "int8", "bf16" or "f32" (EngineOptions); on a GPU both first are bf16
  bool check = false;  // run every operation on the reference as well, and log what differs
};

// Errors: kBadArgument naming an unknown word and those there are; kUnsupported for an instruction set that
// the CPU lacks, and for a GPU where there is none, or no driver or device code for it.
std::unique_ptr<Backend> make_backend(const BackendOptions& options);

// A GPU, and the CPU for weights that are placed there. Errors: the same, and kBadArgument where the name is
// no GPU's.
std::unique_ptr<SplitBackend> make_split_backend(const BackendOptions& options);

// "f16", "bf16", "f32", "int8". Error kBadArgument.
DType parse_kv_dtype(const std::string& name);

}  // namespace ferrum
