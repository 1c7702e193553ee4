// Rows of activations in the form that products read: in spans, quantised or not, ordered by span and then
// by token, so that a kernel walks down a tile of tokens with fixed strides.
#pragma once
#include "backend/cpu/kernels.h"
#include "backend/cpu/page_memory.h"

namespace ferrum::cpu {

// How inputs are rounded for products. Inputs of F32 and F16 weights are always float32.
enum class Activations : uint8_t {
  kInt8,     // quantised to bytes with a scale per 32 values; inputs of BF16 weights stay float32
  kBf16,     // the same, but for BF16 weights rounded to bf16 where that is faster (Kernels::has_pair_dot)
  kFloat32,  // the weights are decoded to float32
};

// The kinds of input span for a format's panels.
enum class Form : uint8_t { kQuantized, kFloats, kHalves };
struct Forms {
  bool quantized = false;
  bool floats = false;
  bool halves = false;
};

constexpr int64_t spans_of(int64_t cols) { return (cols + kSpan - 1) / kSpan; }

// Span s of token t is at [s × stride + t] of each array present; with the columns in the i-th order
// (CpuWeight::order), i × order_stride further on.
struct Inputs {
  const InputSpan* quantized = nullptr;
  const FloatSpan* floats = nullptr;
  const HalfSpan* halves = nullptr;
  int64_t stride = 0;
  int tokens = 0;
  int64_t order_stride = 0;

  const void* from_span(Form form, int order, int64_t span) const {
    const int64_t at = order * order_stride + span * stride;
    switch (form) {
      case Form::kQuantized:
        return quantized + at;
      case Form::kFloats:
        return floats + at;
      case Form::kHalves:
        return halves + at;
    }
    return nullptr;
  }
};

// The places of one row's spans in an array: first, first + stride, …; order_stride is the distance from one
// column order to the next.
struct SpanPlace {
  int64_t first;
  int64_t stride;
  int64_t order_stride;
};

// Memory for inputs of up to `tokens` rows in the requested forms.
class InputArray {
 public:
  // Throws std::bad_alloc. Not called within an operation.
  void grow(int tokens, int64_t cols, Forms forms, Room room = Room::kTaken) {
    const auto spans = static_cast<size_t>((tokens + kTilePadding) * spans_of(cols));
    if (forms.quantized) grow(quantized_, spans * sizeof(InputSpan), room);
    if (forms.floats) grow(floats_, spans * sizeof(FloatSpan), room);
    if (forms.halves) grow(halves_, spans * sizeof(HalfSpan), room);
  }
  size_t bytes() const { return quantized_.bytes() + floats_.bytes() + halves_.bytes(); }

  InputSpan* quantized() const { return reinterpret_cast<InputSpan*>(quantized_.data()); }
  FloatSpan* floats() const { return reinterpret_cast<FloatSpan*>(floats_.data()); }
  HalfSpan* halves() const { return reinterpret_cast<HalfSpan*>(halves_.data()); }

  // Inputs of `tokens` rows whose spans begin at `first`.
  Inputs inputs(int tokens, Forms forms, int64_t order_stride, int64_t first = 0) const {
    return {forms.quantized ? quantized() + first : nullptr,
            forms.floats ? floats() + first : nullptr,
            forms.halves ? halves() + first : nullptr,
            tokens,
            tokens,
            order_stride};
  }

 private:
  static void grow(PageMemory& memory, size_t bytes, Room room) {
    if (bytes > memory.bytes()) memory = PageMemory(bytes, room);
  }

  PageMemory quantized_;
  PageMemory floats_;
  PageMemory halves_;
};

}  // namespace ferrum::cpu
