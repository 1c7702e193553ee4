// The numbers that GGUF files give to tensor types, and which of them Ferrum reads.
//
// Source: enum ggml_type, https://github.com/ggml-org/ggml/blob/master/include/ggml.h
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "tensor/format.h"

namespace ferrum {

std::optional<Format> format_of_ggml_type(uint32_t id);  // nothing: not a format that Ferrum reads
uint32_t ggml_type_of(Format format);
std::string ggml_type_name(uint32_t id);  // "IQ2_XXS"; "type 77" for a number that has no name

}  // namespace ferrum
