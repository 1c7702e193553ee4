#include "checkpoint/gguf/ggml_type.h"

#include <fmt/core.h>

#include <array>
#include <string_view>

#include "base/check.h"

namespace ferrum {
namespace {

// By number; an empty name is one that never was or that no file carries any more.
constexpr std::array<std::string_view, 40> kNames = {
    "F32",      "F16",      "Q4_0",    "Q4_1",  "Q4_2",       "Q4_3",       "Q5_0",       "Q5_1",
    "Q8_0",     "Q8_1",     "Q2_K",    "Q3_K",  "Q4_K",       "Q5_K",       "Q6_K",       "Q8_K",
    "IQ2_XXS",  "IQ2_XS",   "IQ3_XXS", "IQ1_S", "IQ4_NL",     "IQ3_S",      "IQ2_S",      "IQ4_XS",
    "I8",       "I16",      "I32",     "I64",   "F64",        "IQ1_M",      "BF16",       "Q4_0_4_4",
    "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",   "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",
};

}  // namespace

std::optional<Format> format_of_ggml_type(uint32_t id) {
  if (id >= kNames.size()) return std::nullopt;
  return format_named(kNames[id]);
}

uint32_t ggml_type_of(Format format) {
  for (uint32_t id = 0; id < kNames.size(); ++id)
    if (kNames[id] == name_of(format)) return id;
  check(false, fmt::format("{} has a ggml type", name_of(format)));
  return 0;
}

std::string ggml_type_name(uint32_t id) {
  return id < kNames.size() ? std::string(kNames[id]) : fmt::format("type {}", id);
}

}  // namespace ferrum
