// Adapters in GGUF files, as llama.cpp's convert_lora_to_gguf.py writes them: general.type "adapter",
// adapter.type "lora", adapter.lora.alpha, and two tensors <weight>.lora_a and <weight>.lora_b.
#include <map>

#include "base/error.h"
#include "checkpoint/adapters/adapter_tensors.h"
#include "checkpoint/gguf/gguf.h"

namespace ferrum {
namespace {

constexpr std::string_view kA = ".weight.lora_a", kB = ".weight.lora_b";

void check_metadata(const GgufMetadata& metadata, const Checkpoint& base) {
  const auto is = [&](std::string_view key, std::string_view expected) {
    const auto value = metadata.string(key);
    if (value != expected)
      fail(ErrorCode::kUnsupported, "{}: {} is {}; an adapter's is \"{}\"", metadata.source(), key,
           value ? in_quotes(*value) : "absent", expected);
  };
  is("general.type", "adapter");
  is("adapter.type", "lora");
  is("general.architecture", base.model().architecture->gguf_name());
  if (metadata.has("adapter.alora.invocation_tokens"))
    fail(ErrorCode::kUnsupported, "{}: adapter.alora.invocation_tokens is set, which Ferrum does not run",
         metadata.source());
}

// One matrix of a stack.
HostTensor matrix_of(const HostTensor& stack, int64_t index) {
  HostTensor one = stack;
  one.shape = {stack.shape[1], stack.shape[2]};
  const size_t bytes = one.byte_size();
  one.bytes = stack.bytes.subspan(static_cast<size_t>(index) * bytes, bytes);
  return one;
}

}  // namespace

Adapter read_gguf_adapter(const std::filesystem::path& path, const Checkpoint& base) {
  const std::unique_ptr<GgufFile> file = GgufFile::open(path);
  const std::string& source = file->metadata().source();
  check_metadata(file->metadata(), base);
  const double alpha = file->metadata().number("adapter.lora.alpha").value_or(0);
  AdapterBuilder builder(source, Naming::kGguf, base);

  struct Parts {
    const HostTensor* a = nullptr;
    const HostTensor* b = nullptr;
  };
  std::map<std::string, Parts> pairs;
  for (const HostTensor& tensor : file->tensors()) {
    const bool is_a = tensor.name.ends_with(kA);
    if (!is_a && !tensor.name.ends_with(kB))
      fail(ErrorCode::kUnsupported, "{}: {} is no part of a LoRA adapter that Ferrum knows", source,
           in_quotes(tensor.name));
    Parts& parts = pairs[tensor.name.substr(0, tensor.name.size() - kA.size())];
    (is_a ? parts.a : parts.b) = &tensor;
  }
  for (const auto& [module, parts] : pairs) {
    if (parts.a == nullptr || parts.b == nullptr)
      fail(ErrorCode::kBadFile, "{}: {} is without its partner", source,
           in_quotes((parts.a ? parts.a : parts.b)->name));
    const auto key = builder.key_of(module);
    if (!key) continue;
    const auto add = [&](const TensorKey& to, AdapterMatrix a, AdapterMatrix b) {
      if (is_table(key->role)) a = transposed(a);
      // No alpha means no scale.
      const float scale = alpha == 0 ? 1 : static_cast<float>(alpha / static_cast<double>(a.rows));
      builder.add(to, std::move(a), std::move(b), scale);
    };
    if (parts.a->shape.size() != 3) {
      add(*key, adapter_matrix(*parts.a, source), adapter_matrix(*parts.b, source));
      continue;
    }
    if (parts.b->shape.size() != 3 || parts.a->shape[0] != parts.b->shape[0])
      fail(ErrorCode::kBadConfig, "{}: {} and {} are of different numbers of experts", source,
           in_quotes(parts.a->name), in_quotes(parts.b->name));
    for (int64_t e = 0; e < parts.a->shape[0]; ++e)
      add({key->role, key->layer, static_cast<int>(e)}, adapter_matrix(matrix_of(*parts.a, e), source),
          adapter_matrix(matrix_of(*parts.b, e), source));
  }
  return builder.finish();
}

}  // namespace ferrum
