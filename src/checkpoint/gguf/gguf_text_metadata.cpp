#include "checkpoint/gguf/gguf_text_metadata.h"

#include <fmt/core.h>

#include <string>
#include <utility>
#include <vector>

#include "checkpoint/architecture.h"
#include "checkpoint/pair_form.h"

namespace ferrum {
namespace {

// pooling_type, as llama.cpp numbers them.
enum Pooling : uint32_t { kMean = 1, kFirst = 2, kLast = 3, kRank = 4 };

Pooling number_of(TextPooling pooling) {
  switch (pooling) {
    case TextPooling::kFirst:
      return kFirst;
    case TextPooling::kLast:
      return kLast;
    default:
      return kMean;
  }
}

// One for each row of the last layer, since readers take their number for the layer's.
std::vector<std::string> labels_of(const TextHeadDescription& head) {
  std::vector<std::string> labels = head.labels;
  for (int i = static_cast<int>(labels.size()); i < head.layers.back().out; ++i)
    labels.push_back(fmt::format("LABEL_{}", i));
  return labels;
}

class Writer {
 public:
  Writer(GgufHeader& header, const ModelDescription& model)
      : header_(header), m_(model), architecture_(model.architecture->gguf_name()) {}

  void run() {
    if (!m_.causal) header_.set(key("attention.causal"), false);
    if (m_.encoder) encoder();
    const TextHeadDescription& head = m_.text_head;
    if (head.pooling.empty()) return;
    head.classifies ? classifier(head) : embeddings(head);
  }

 private:
  void encoder() {
    if (m_.encoder->types > 0)
      header_.set("tokenizer.ggml.token_type_count", static_cast<uint32_t>(m_.encoder->types));
    if (architecture_ == "modern-bert")
      header_.set(key("hidden_activation"), m_.activation == ActivationFunction::kSilu ? "silu" : "gelu");
    if (m_.experts() > 0) header_.set(key("moe_every_n_layers"), period_of_experts());
  }

  // Of each period of layers the second has experts.
  uint32_t period_of_experts() const {
    for (size_t i = 2; i < m_.layers.size(); ++i)
      if (m_.layers[i].feed_forward.experts > 0) return static_cast<uint32_t>(i - 1);
    return static_cast<uint32_t>(m_.layers.size());
  }

  void embeddings(const TextHeadDescription& head) {
    header_.set(key("pooling_type"), uint32_t{number_of(head.pooling.front())});
    for (const TextLayer& layer : head.layers) {
      const std::string name = fmt::format("dense_{}_feat_", layer.weight.layer);
      header_.set(key(name + "in"), static_cast<uint32_t>(layer.in));
      header_.set(key(name + "out"), static_cast<uint32_t>(layer.out));
    }
  }

  void classifier(const TextHeadDescription& head) {
    header_.set(key("pooling_type"), uint32_t{kRank});
    if (m_.encoder) header_.set(key("classifier.pooling_type"), uint32_t{number_of(head.pooling.front())});
    header_.set(key("classifier.output_labels"), labels_of(head));
    if (!head.pair_form.empty()) header_.set("tokenizer.chat_template.rerank", whole_form(head));
  }

  std::string key(std::string_view name) const { return fmt::format("{}.{}", architecture_, name); }

  GgufHeader& header_;
  const ModelDescription& m_;
  std::string_view architecture_;
};

}  // namespace

void set_text_metadata(GgufHeader& header, const ModelDescription& model) { Writer(header, model).run(); }

}  // namespace ferrum
