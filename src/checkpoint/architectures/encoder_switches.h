// What encoders have in common: switches of the description, and the heads of their classifiers.
#pragma once
#include <string>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {

// Layer norms of sums, as in BERT: x = norm(x + f(x)). Positions are learned, by rotation, or seen by the
// distance alone (ALiBi).
enum class TextPositions : uint8_t { kLearned, kRotated, kDistances };
void set_encoder(ModelDescription& model, TextPositions positions);

// The sizes of tables and the activation, which is GELU where the file is silent.
void read_encoder(HfReader& in, TextPositions positions, int types_if_absent);
void read_encoder(GgufReader& in, TextPositions positions);

// The head of a classifier: pooled, through a layer of the hidden size, and to the labels.
void set_classifier(HfReader& in, TextPooling pooling, TextLayer::Function function);

// Error kUnsupported where the field has another value than this one.
void require(const HfReader& in, std::string_view key, const std::string& value);

}  // namespace ferrum
