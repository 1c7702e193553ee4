// Reads a GGUF file's metadata into a ModelDescription: the keys that the families share, and helpers for
// architectures.
//
// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and src/llama-arch.cpp of llama.cpp.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/architecture.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/model_description.h"
#include "checkpoint/tensor_table.h"

namespace ferrum {

class GgufReader {
 public:
  GgufReader(const GgufMetadata& metadata, const TensorTable& tensors, const Architecture& architecture);

  // The keys that all share, then the architecture's own.
  ModelDescription read();

  // For architectures ----

  ModelDescription& model() { return m_; }
  const GgufMetadata& metadata() const { return metadata_; }
  int depth() const { return m_.depth(); }
  bool has_tensor(const TensorKey& key) const { return tensors_.find(key) != nullptr; }
  int64_t tensor_rows(const TensorKey& key) const;  // 0: there is no such tensor

  // Names are without the architecture: "attention.scale".
  std::optional<float> number(std::string_view name) const;
  std::optional<int> integer(std::string_view name) const;  // from 0 to 2^28
  bool has_list(std::string_view name) const;
  // The activation function that this key names, if it is there. Error kUnsupported.
  void activation(std::string_view name);

  // One for each layer. Error kBadConfig where there are others.
  std::optional<std::vector<bool>> flags(std::string_view name) const;

  void each_layer(const std::function<void(int, LayerDescription&)>& body);
  void head_norms(HeadNorm norm, bool last = false);
  // Layers with a window where the file has no pattern of its own; the others, if it says a window at all,
  // see everything.
  void windows(const std::function<bool(int)>& slides);
  // Layers with a router have experts, and where they have shared tensors, a shared expert.
  void experts(bool renormalize, RoutingDescription::Score score = RoutingDescription::Score::kSoftmax);

 private:
  void read_sizes();
  void read_heads();
  void read_ropes();
  void read_rope(RopeDescription& rope, std::string_view suffix) const;
  void read_scaling(RopeDescription& rope) const;
  void read_text_head();
  void read_classifier_pooling(bool last);
  void check_classifier_is_whole() const;

  const GgufMetadata& metadata_;
  const TensorTable& tensors_;
  const Architecture& architecture_;
  ModelDescription m_;
};

}  // namespace ferrum
