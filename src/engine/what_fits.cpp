#include "engine/what_fits.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/human_bytes.h"
#include "checkpoint/architecture.h"
#include "checkpoint/tensor_names.h"

namespace ferrum {
namespace {

// What people offer, from the best on.
constexpr std::array kTypes = {FileType::kQ8_0,   FileType::kQ6_K,   FileType::kQ5_K_M,
                               FileType::kQ4_K_M, FileType::kQ3_K_M, FileType::kQ2_K};
constexpr int kStep = 256;  // tokens of context; of small models less
constexpr int kUseful = 512;

std::optional<TensorKey> key_of(const NameTable& names, const HostTensor& tensor) {
  const auto key = names.parse(Naming::kGguf, tensor.name);
  return key ? key : names.parse(Naming::kHuggingFace, tensor.name);
}

class Room {
 public:
  Room(const Checkpoint& checkpoint, const EngineOptions& options, const DeviceMemory& device)
      : checkpoint_(checkpoint), options_(options), device_(device) {}

  bool fits(int context, const std::string& kv_dtype, uint64_t weights) const {
    EngineOptions options = options_;
    options.max_context = context;
    options.kv_tokens = 0;
    options.kv_dtype = kv_dtype;
    const RunnerMemory memory =
        runner_memory(device_.kv_layout, checkpoint_.model(), runner_options(options, checkpoint_.model()));
    return weights + memory.kv + memory.activations <= device_.free;
  }

  // At most `most`, in whole steps.
  int longest(int most, const std::string& kv_dtype) const {
    const uint64_t weights = checkpoint_.bytes() + device_.growth;
    if (fits(most, kv_dtype, weights)) return most;
    const int step = most >= 4 * kStep ? kStep : std::max(1, most / 16);
    int fitting = 0;
    int failing = (most + step - 1) / step;  // in steps
    while (failing - fitting > 1) {
      const int middle = (fitting + failing) / 2;
      (fits(middle * step, kv_dtype, weights) ? fitting : failing) = middle;
    }
    return fitting * step < std::min(kUseful, most / 2) ? 0 : fitting * step;
  }

 private:
  const Checkpoint& checkpoint_;
  const EngineOptions& options_;
  DeviceMemory device_;
};

}  // namespace

uint64_t weights_as(FileType type, const Checkpoint& checkpoint) {
  uint64_t bytes = 0;
  const NameTable names = checkpoint.model().architecture->tensor_names();
  for (const HostTensor& tensor : checkpoint.tensors()) {
    const auto key = key_of(names, tensor);
    const Format format =
        key ? format_of_tensor(type, checkpoint.model(), *key, tensor.cols()) : tensor.format;
    bytes += static_cast<uint64_t>(tensor.rows()) * row_bytes(format, static_cast<size_t>(tensor.cols()));
  }
  return bytes;
}

WhatFits what_fits(const Checkpoint& checkpoint, const EngineOptions& options, DeviceMemory device,
                   uint64_t others) {
  device.free -= std::min(device.free, others + device.kernels);
  const Room room(checkpoint, options, device);
  const int wanted = runner_options(options, checkpoint.model()).max_context;
  WhatFits fits = {.context = room.longest(wanted, options.kv_dtype)};
  if (options.kv_dtype != "int8") {
    const int context = room.longest(wanted, "int8");
    if (context > fits.context) fits.int8_context = context;
  }
  for (const FileType type : kTypes) {
    const uint64_t weights = weights_as(type, checkpoint);
    if (weights >= checkpoint.bytes() + device.growth || !room.fits(wanted, options.kv_dtype, weights))
      continue;
    fits.type = name_of(type);
    fits.type_weights = weights;
    break;
  }
  return fits;
}

std::string remedies_text(const WhatFits& fits, const EngineOptions& options, int context) {
  std::string text;
  const auto add = [&](const std::string& remedy) { text += (text.empty() ? "" : "; ") + remedy; };
  const std::string tokens = options.kv_tokens > 0 ? " without --kv-tokens" : "";
  if (fits.context > 0) add(fmt::format("--max-context {}{}", fits.context, tokens));
  if (fits.int8_context > 0)
    add(fits.int8_context >= context
            ? fmt::format("--kv-dtype int8{}", tokens)
            : fmt::format("--kv-dtype int8 --max-context {}{}", fits.int8_context, tokens));
  if (!fits.type.empty())
    add(fmt::format("a file of type {} (about {})", fits.type, human_bytes(fits.type_weights)));
  return text.empty() ? "no context and no type of this model fits: a smaller model may"
                      : "what fits: " + text;
}

}  // namespace ferrum
