// Weights of safetensors files in FP8 (E4M3), with scales beside them, read as BF16.
//
// E4M3 as in "FP8 formats for deep learning" (Micikevicius et al. 2022, arXiv:2209.05433): a sign, four bits
// of exponent (bias 7) and three of mantissa; no infinity, and NaN is S.1111.111. The value of a weight is
// its number times a scale, rounded to BF16, as DeepSeek's conversion and transformers' dequantisation round
// it. With scales that are powers of two this is exact.
//
// Beside a tensor "X.weight" [rows, cols] its scale is called "X.weight_scale_inv" (DeepSeek, Qwen, MiniMax,
// Mistral; it multiplies in spite of its name) or "X.weight_scale" (compressed-tensors, FBGEMM, ModelOpt):
// F32, F16, BF16 or F8_E8M0 (2^(e - 127)).
//
//   [], [1]              one of the tensor
//   [rows], [rows, 1]    one of each row
//   [⌈rows / block rows⌉, ⌈cols / block columns⌉]   one of each block
//
// Scales of activations and of a cache are left out: Ferrum does not round these to FP8.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "checkpoint/json_view.h"
#include "checkpoint/safetensors/safetensors.h"
#include "tensor/host_tensor.h"

namespace ferrum {

struct Fp8Quantization {
  int64_t block_rows = 128;
  int64_t block_cols = 128;

  bool operator==(const Fp8Quantization&) const = default;
};

// config.json's quantization_config of transformers' FineGrainedFP8Config and FbgemmFp8Config, of
// compressed-tensors
// ("float-quantized") and of ModelOpt ("FP8"); nothing for other methods. Errors: kUnsupported for other
// types within these methods; kBadConfig for impossible blocks.
std::optional<Fp8Quantization> parse_fp8_quantization(const JsonView& fields);

bool is_fp8(const SafetensorsEntry& entry);

// The weights of FP8 in the files, which must outlive them, and the names of all tensors that are part of
// them or concern the rounding of activations.
struct Fp8Tensors {
  std::vector<HostTensor> weights;
  std::vector<std::string_view> parts;  // sorted

  bool has_part(std::string_view name) const;
};

// Errors naming file and tensor: kBadFile for scales that are missing (where `quantization` says that there
// are any), not finite, or of a shape that does not fit; kUnsupported for their type. Without `quantization`
// numbers without a scale are the weights.
Fp8Tensors fp8_tensors(const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                       const std::optional<Fp8Quantization>& quantization);

// The value of an E4M3 number.
float float_from_e4m3(uint8_t bits);

}  // namespace ferrum
