// Element types of tensors that operations compute on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ferrum {

enum class DType : uint8_t { kF32, kF16, kBF16, kI32, kI8 };

constexpr size_t size_of(DType t) {
  if (t == DType::kI8) return 1;
  return t == DType::kF32 || t == DType::kI32 ? 4 : 2;
}

constexpr std::string_view name_of(DType t) {
  switch (t) {
    case DType::kF32:
      return "f32";
    case DType::kF16:
      return "f16";
    case DType::kBF16:
      return "bf16";
    case DType::kI32:
      return "i32";
    case DType::kI8:
      return "int8";
  }
  return "?";
}

}  // namespace ferrum
