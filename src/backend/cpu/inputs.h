// Rows of activations as products take them: in spans, quantised or as they are, one span of all tokens
// behind the other, so that a kernel walks down a tile of tokens with fixed distances.
#pragma once
#include "backend/cpu/kernels.h"
#include "backend/cpu/page_memory.h"

namespace ferrum::cpu {

// How inputs meet weights of integer formats. Weights of float formats always meet float32.
enum class Activations : uint8_t {
  kInt8,     // quantised to bytes, 32 values to a scale: fast
  kFloat32,  // the weights are decoded to float32
};

constexpr int64_t spans_of(int64_t cols) { return (cols + kSpan - 1) / kSpan; }

// Span s of token t lies at [s × stride + t] of each array that is there.
struct Inputs {
  const InputSpan* quantized = nullptr;
  const FloatSpan* floats = nullptr;
  int64_t stride = 0;
  int tokens = 0;

  Inputs from_span(int64_t span) const {
    return {quantized == nullptr ? nullptr : quantized + span * stride,
            floats == nullptr ? nullptr : floats + span * stride, stride, tokens};
  }
};

// Where the spans of one row lie in an array: at first, first + stride, …
struct SpanPlace {
  int64_t first;
  int64_t stride;
};

// Memory for inputs of up to `tokens` rows, in one form or both.
class InputArray {
 public:
  struct Forms {
    bool quantized = false;
    bool floats = false;
  };

  // Throws std::bad_alloc. Not within an operation.
  void grow(int tokens, int64_t cols, Forms forms) {
    const auto spans = static_cast<size_t>((tokens + kTilePadding) * spans_of(cols));
    if (forms.quantized) grow(quantized_, spans * sizeof(InputSpan));
    if (forms.floats) grow(floats_, spans * sizeof(FloatSpan));
  }

  InputSpan* quantized() const { return reinterpret_cast<InputSpan*>(quantized_.data()); }
  FloatSpan* floats() const { return reinterpret_cast<FloatSpan*>(floats_.data()); }

  Inputs inputs(int tokens, Forms forms) const {
    return {forms.quantized ? quantized() : nullptr, forms.floats ? floats() : nullptr, tokens, tokens};
  }

 private:
  static void grow(PageMemory& memory, size_t bytes) {
    if (bytes > memory.bytes()) memory = PageMemory(bytes);
  }

  PageMemory quantized_;
  PageMemory floats_;
};

}  // namespace ferrum::cpu
