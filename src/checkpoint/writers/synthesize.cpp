#include "checkpoint/writers/synthesize.h"

#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/gguf/gguf_layout.h"
#include "checkpoint/gguf/gguf_writer.h"
#include "checkpoint/safetensors/hf_config.h"
#include "checkpoint/writers/tokenizer_metadata.h"
#include "checkpoint/writers/weight_factors.h"
#include "tensor/formats/random_blocks.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using Role = TensorRole;

constexpr float kBiasDeviation = 0.1f;

HfConfig read_config(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? path / "config.json" : path;
  return parse_hf_config(MappedFile::open(file)->text(), file.string());
}

void keep_layers(ModelDescription& model, int layers, const std::string& source) {
  if (layers < 1 || layers > model.depth())
    fail(ErrorCode::kBadArgument, "{}: has {} layers, so {} cannot be made of it", source, model.depth(),
         layers);
  model.layers.resize(static_cast<size_t>(layers));
}

// Values that are no weights: what they are instead.
std::vector<float> given_values(const ModelDescription& model, const GgufLayoutTensor& tensor) {
  const auto count = static_cast<size_t>(tensor.elements());
  if (is_norm(tensor.key.role)) return std::vector<float>(count, tensor.key.is_bias ? 0.0f : 1.0f);
  switch (tensor.key.role) {
    case Role::kLayerScale:
    case Role::kRouterScale:
    case Role::kExpertScales:
    case Role::kSkip:
      return std::vector<float>(count, 1.0f);
    case Role::kDecay: {  // memories of different lengths
      std::vector<float> decays(count);
      for (size_t i = 0; i < decays.size(); ++i) decays[i] = -static_cast<float>(i % 16 + 1) / 16;
      return decays;
    }
    case Role::kRopeFrequencies:
      return rope_divisors(model.rope);
    case Role::kRopeFactorsLong:
      return model.rope.scaling.long_factors;
    case Role::kRopeFactorsShort:
      return model.rope.scaling.short_factors;
    default:
      return {};
  }
}

// An embedding row is added to the residual as it is, so its deviation is 1; unless it is the head as well.
float deviation_of(const ModelDescription& model, const GgufLayoutTensor& tensor) {
  if (tensor.key.is_bias) return kBiasDeviation;
  if (tensor.key.role == Role::kEmbedding && !model.tied_head) return 1;
  return 1 / std::sqrt(static_cast<float>(tensor.shape.back()));
}

// What fills one tensor: given values, or random blocks.
class Filler {
 public:
  Filler(const ModelDescription& model, const GgufLayoutTensor& tensor, Format format, uint64_t seed)
      : values_(given_values(model, tensor)),
        blocks_(format, deviation_of(model, tensor), {seed, tensor.name}),
        blocks_per_row_(static_cast<uint64_t>(tensor.shape.back()) / traits(format).block_values) {}

  void fill(int64_t first_row, std::span<std::byte> out) const {
    if (values_.empty()) {
      blocks_.fill(out, static_cast<uint64_t>(first_row) * blocks_per_row_);
    } else {
      const size_t first = static_cast<size_t>(first_row) * blocks_per_row_;
      check(first * sizeof(float) + out.size() <= values_.size() * sizeof(float),
            "given values fill a tensor");
      std::memcpy(out.data(), values_.data() + first, out.size());
    }
  }

 private:
  std::vector<float> values_;
  formats::RandomBlocks blocks_;
  uint64_t blocks_per_row_;
};

}  // namespace

void synthesize(const fs::path& config_path, const fs::path& target, const SynthesizeOptions& options) {
  HfConfig config = read_config(config_path);
  ModelDescription& model = config.model;
  if (options.layers) keep_layers(model, *options.layers, config_path.string());
  model.name = "Random " + std::string(name_of(options.type)) + " weights in the shape of " +
               (model.name.empty() ? std::string(name_of(*model.architecture)) : model.name);

  model = gguf_form(std::move(model));
  GgufHeader header;
  set_model_metadata(header, model, options.type, config_path.string());
  if (options.tokenizer) {
    set_tokenizer_from(header, *options.tokenizer, model.vocab);
  } else {
    set_no_tokenizer(header);
  }

  std::vector<Filler> fillers;
  for (const GgufLayoutTensor& tensor : gguf_tensors(model)) {
    const Format format = format_of_tensor(options.type, model, tensor.key, tensor.shape.back());
    header.add({tensor.name, format, tensor.shape});
    fillers.emplace_back(model, tensor, format, options.seed);
  }
  GgufWriter writer(target, header);
  const MakeRows make = [&](size_t tensor, int64_t first_row, std::span<std::byte> out) {
    fillers[tensor].fill(first_row, out);
  };
  write_rows(writer, header, make, options.pipeline);
  writer.finish();
}

}  // namespace ferrum
