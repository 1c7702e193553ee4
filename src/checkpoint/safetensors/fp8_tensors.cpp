#include "checkpoint/safetensors/fp8_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "checkpoint/safetensors/parts.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

constexpr std::array<std::string_view, 2> kScaleSuffixes = {"_scale_inv", "_scale"};
constexpr std::array<std::string_view, 9> kOthersSuffixes = {
    ".activation_scale", ".input_scale", ".output_scale", ".q_scale",       ".k_scale",
    ".v_scale",          ".kv_scale",    ".prob_scale",   ".input_scale_ub"};

std::array<float, 256> e4m3_table() {
  std::array<float, 256> table = {};
  for (int bits = 0; bits < 256; ++bits)
    table[static_cast<size_t>(bits)] = float_from_e4m3(static_cast<uint8_t>(bits));
  return table;
}

// The numbers of a tensor of scales.
std::vector<float> scales_of(const SafetensorsFile& file, const SafetensorsEntry& entry) {
  std::vector<float> scales(static_cast<size_t>(entry.elements()));
  if (entry.type->name == "F8_E8M0") {
    for (size_t i = 0; i < scales.size(); ++i)
      scales[i] = std::ldexp(1.0f, std::to_integer<int>(entry.bytes[i]) - 127);
  } else if (entry.type->format) {
    traits(*entry.type->format).decode(entry.bytes.data(), scales.data(), scales.size());
  } else {
    fail(ErrorCode::kUnsupported,
         "{}: tensor {} is of dtype {}; scales of FP8 weights are F32, F16, BF16 or F8_E8M0", file.source(),
         in_quotes(entry.name), entry.type->name);
  }
  for (const float scale : scales)
    if (!std::isfinite(scale))
      fail(ErrorCode::kBadFile, "{}: tensor {} has a scale that is not finite", file.source(),
           in_quotes(entry.name));
  return scales;
}

// How scales lie over the rows and columns of each matrix of a weight.
struct Grid {
  int64_t block_rows = 1, block_cols = 1;
  int64_t rows = 1, cols = 1;  // of scales
};

constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
constexpr Grid kWhole = {kAny, kAny, 0, 1};  // one scale of all matrices

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

class Fp8Rows final : public RowMaker {
 public:
  Fp8Rows(const SafetensorsEntry& weight, std::span<const std::byte> scale_bytes, std::vector<float> scales,
          Grid grid)
      : weight_(weight),
        scale_bytes_(scale_bytes),
        scales_(std::move(scales)),
        grid_(grid),
        values_(e4m3_table()) {}

  void make(int64_t first, int64_t count, std::byte* out) const override {
    const int64_t cols = weight_.shape.back();
    const int64_t rows = weight_.shape.size() < 2 ? 1 : weight_.shape[weight_.shape.size() - 2];
    const auto* in = reinterpret_cast<const uint8_t*>(weight_.bytes.data()) + first * cols;
    for (int64_t r = first; r < first + count; ++r) {
      const float* scales =
          scales_.data() + (r / rows * grid_.rows + r % rows / grid_.block_rows) * grid_.cols;
      for (int64_t col = 0; col < cols; ++scales) {
        const int64_t end = col + std::min(cols - col, grid_.block_cols);
        for (; col < end; ++col, ++in, out += sizeof(uint16_t)) {
          const uint16_t value = bf16_from_float(values_[*in] * *scales);
          std::memcpy(out, &value, sizeof value);
        }
      }
    }
  }
  std::vector<std::span<const std::byte>> stored() const override { return {weight_.bytes, scale_bytes_}; }

 private:
  SafetensorsEntry weight_;
  std::span<const std::byte> scale_bytes_;
  std::vector<float> scales_;
  Grid grid_;
  std::array<float, 256> values_;
};

FoundPart find_scale(const std::vector<std::unique_ptr<SafetensorsFile>>& files, const std::string& weight) {
  for (const std::string_view suffix : kScaleSuffixes)
    if (const FoundPart scale = find_part(files, weight + std::string(suffix)); scale.entry != nullptr)
      return scale;
  return {};
}

// Of one matrix of the weight; null where the shapes do not fit each other.
std::optional<Grid> grid_of(const SafetensorsEntry& weight, const SafetensorsEntry& scale,
                            const Fp8Quantization& q) {
  const std::vector<int64_t>& shape = weight.shape;
  const int64_t cols = shape.back();
  const int64_t rows = shape.size() < 2 ? 1 : shape[shape.size() - 2];
  const int64_t matrices = weight.elements() / std::max<int64_t>(1, rows * cols);
  const int64_t count = scale.elements();
  if (count == 1) return kWhole;
  if (matrices == 0 || count % matrices != 0) return std::nullopt;
  const int64_t of_each = count / matrices;
  const Grid blocks = {q.block_rows, q.block_cols, ceil_div(rows, q.block_rows),
                       ceil_div(cols, q.block_cols)};
  const bool is_matrix_of_blocks = scale.shape.size() == shape.size() && shape.size() >= 2 &&
                                   scale.shape[shape.size() - 2] == blocks.rows &&
                                   scale.shape.back() == blocks.cols;
  if (is_matrix_of_blocks) return blocks;
  if (of_each == 1) return Grid{rows, cols, 1, 1};
  const bool is_column = scale.shape.back() == 1 || scale.shape.size() < shape.size();
  if (of_each == rows && is_column) return Grid{1, cols, rows, 1};
  return std::nullopt;
}

HostTensor weight_tensor(const SafetensorsFile& file, const SafetensorsEntry& weight, FoundPart scale,
                         const std::optional<Fp8Quantization>& quantization) {
  HostTensor tensor = {.name = weight.name, .format = Format::kBF16, .shape = weight.shape, .bytes = {}};
  if (weight.shape.empty() || weight.elements() == 0)
    fail(ErrorCode::kBadFile, "{}: tensor {} of shape {} is no weight", file.source(), in_quotes(weight.name),
         shape_text(weight.shape));
  if (scale.entry == nullptr) {
    if (quantization)
      fail(ErrorCode::kBadFile, "{}: tensor {} is missing, the scale of {}", file.source(),
           in_quotes(weight.name + std::string(kScaleSuffixes[0])), in_quotes(weight.name));
    tensor.maker = std::make_shared<Fp8Rows>(weight, std::span<const std::byte>(), std::vector{1.0f}, kWhole);
    return tensor;
  }
  const std::optional<Grid> grid = grid_of(weight, *scale.entry, quantization.value_or(Fp8Quantization{}));
  if (!grid)
    fail(ErrorCode::kBadFile,
         "{}: tensor {} has shape {}, which is neither one scale, nor one of each row, nor one of each block "
         "of {} of shape {}",
         scale.file->source(), in_quotes(scale.entry->name), shape_text(scale.entry->shape),
         in_quotes(weight.name), shape_text(weight.shape));
  tensor.maker =
      std::make_shared<Fp8Rows>(weight, scale.entry->bytes, scales_of(*scale.file, *scale.entry), *grid);
  return tensor;
}

[[noreturn]] void refuse_type(const JsonView& fields, std::string_view key, std::string_view value) {
  fail(ErrorCode::kUnsupported, "{} is {}; of this method Ferrum reads weights of FP8 (E4M3)",
       fields.place(key), in_quotes(value));
}

std::optional<Fp8Quantization> with_blocks(const JsonView& fields, std::string_view key) {
  Fp8Quantization q;
  const auto blocks = fields.find_integers(key);
  if (!blocks || blocks->empty()) return q;
  if (blocks->size() != 2 || (*blocks)[0] < 1 || (*blocks)[1] < 1)
    fail(ErrorCode::kBadConfig, "{} is [{}]; two numbers from 1 on are rows and columns of a block",
         fields.place(key), fmt::join(*blocks, ", "));
  q.block_rows = (*blocks)[0];
  q.block_cols = (*blocks)[1];
  return q;
}

// Groups of layers say what their weights are; all that have any must agree.
std::optional<Fp8Quantization> read_compressed(const JsonView& fields) {
  const std::string format = fields.string_or("format", "");
  if (format != "float-quantized" && format != "naive-quantized") refuse_type(fields, "format", format);
  Fp8Quantization q;
  const auto groups = fields.find("config_groups");
  if (!groups || !groups->is_object()) return q;
  for (const auto& [name, group] : groups->value().items()) {
    const JsonView view = groups->at(name);
    const auto weights = view.find("weights");
    if (!weights || !weights->is_object()) continue;
    const std::string type = weights->string_or("type", "int");
    if (type != "float") refuse_type(*weights, "type", type);
    if (const auto bits = weights->find_integer("num_bits"); bits && *bits != 8)
      refuse_type(*weights, "num_bits", std::to_string(*bits));
    if (weights->find_integers("block_structure")) q = *with_blocks(*weights, "block_structure");
  }
  return q;
}

}  // namespace

float float_from_e4m3(uint8_t bits) {
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                        : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

std::optional<Fp8Quantization> parse_fp8_quantization(const JsonView& fields) {
  const std::string method = to_lower(fields.string_or("quant_method", ""));
  if (method == "fp8" || method == "fbgemm_fp8") {
    const std::string format = to_lower(fields.string_or("fmt", "e4m3"));
    if (format != "e4m3" && format != "e4m3fn") refuse_type(fields, "fmt", format);
    return with_blocks(fields, "weight_block_size");
  }
  if (method == "compressed-tensors" || method == "compressed_tensors") return read_compressed(fields);
  if (method == "modelopt") {
    const std::string algorithm = fields.string_or("quant_algo", "");
    if (to_lower(algorithm) != "fp8") refuse_type(fields, "quant_algo", algorithm);
    return Fp8Quantization{};
  }
  return std::nullopt;
}

bool is_fp8(const SafetensorsEntry& entry) { return entry.type->name == "F8_E4M3"; }

bool Fp8Tensors::has_part(std::string_view name) const { return std::ranges::binary_search(parts, name); }

Fp8Tensors fp8_tensors(const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                       const std::optional<Fp8Quantization>& quantization) {
  Fp8Tensors found;
  for (const auto& file : files)
    for (const SafetensorsEntry& entry : file->entries()) {
      const std::string_view name = entry.name;
      if (is_fp8(entry)) {
        const FoundPart scale = find_scale(files, entry.name);
        found.weights.push_back(weight_tensor(*file, entry, scale, quantization));
        found.parts.push_back(name);
        if (scale.entry != nullptr) found.parts.push_back(scale.entry->name);
      } else if (quantization &&
                 std::ranges::any_of(kOthersSuffixes, [&](auto suffix) { return name.ends_with(suffix); })) {
        found.parts.push_back(name);
      }
    }
  std::ranges::sort(found.parts);
  return found;
}

}  // namespace ferrum
