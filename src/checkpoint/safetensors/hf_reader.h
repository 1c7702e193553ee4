// Reads config.json into a ModelDescription: the fields that nearly all families share, and helpers for those
// that several share.
//
// Fields and defaults: the configuration classes of transformers, in the form that is published and in the
// one that transformers 5 writes.
#pragma once
#include <functional>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "checkpoint/architecture.h"
#include "checkpoint/json_view.h"
#include "checkpoint/model_description.h"

namespace ferrum {

class HfReader {
 public:
  // `config` is the part of the text model, `outer` the whole file's.
  HfReader(const JsonView& config, const JsonView& outer, const Architecture& architecture);

  // The fields that all share, then the architecture's own.
  ModelDescription read();

  // For architectures ----

  ModelDescription& model() { return m_; }
  const JsonView& config() const { return in_; }
  int depth() const { return m_.depth(); }
  // Whether the class gives logits of labels, and their number (of id2label or num_labels, else 2).
  bool classifies() const;
  int labels() const;

  float number(std::string_view key, double fallback) const;
  int integer(std::string_view key, int fallback) const;
  bool boolean(std::string_view key, bool fallback) const;  // null: false, as None is in the classes
  // Throws kUnsupported where the field is true; `instead`: what Ferrum does, for the message.
  void refuse_true(std::string_view key, std::string_view instead) const;
  // The first of these keys that is there. A list is taken where one number is meant, if it repeats one.
  std::optional<int> first_integer(std::initializer_list<std::string_view> keys) const;
  std::optional<double> first_number(std::initializer_list<std::string_view> keys) const;

  // Tokens that a multimodal wrapping puts for images and sounds: its fields, each with its class's default.
  struct NamedToken {
    std::string_view key;
    int usual;
  };
  void placeholders(std::initializer_list<NamedToken> fields, int row);
  // The activation function that this field names, if it is there. Error kUnsupported.
  void activation(std::string_view key);
  // Error kUnsupported where the configuration names another function than `function`: the architecture's
  // mixers, or all of its feed-forward parts, are run with that one alone.
  void require_activation(ActivationFunction function) const;
  void each_layer(const std::function<void(int, LayerDescription&)>& body);
  void head_norms(HeadNorm norm, bool last = false);
  // rope_parameters, or rope_scaling as it was called before transformers 5.
  std::optional<JsonView> rope_fields() const;
  // Whether the rotation is given for each kind of layer.
  bool has_ropes_by_kind() const;
  // q grows with the logarithm of the position, beyond the context that the model was first trained with: by
  // llama_4_scaling_beta of the rotation's fields, or `usual_beta` where there are none.
  void temperature(double usual_beta);
  // Projections that have a bias if the field says so, which it does where it is silent if `fallback`. Where
  // it says that they have none, a stored bias is not used; where it is silent, one that is stored is.
  void biases(std::string_view key, bool fallback, std::initializer_list<TensorRole> roles);

  // Layers with a window: those that layer_types calls sliding, else those that `slides`; of `fallback`
  // positions where sliding_window is absent (none where that is 0 or the field is null). They rotate by
  // window_rope.
  void windows(int fallback, const std::function<bool(int)>& slides);
  // Error kBadConfig unless the list of this key, of `count` entries, has one for each layer.
  void require_each_layer(std::string_view key, size_t count) const;
  // A list of two words, one for each layer: which say `yes`. Empty where it is absent.
  std::vector<bool> kinds(std::string_view key, std::string_view no, std::string_view yes) const;
  // "sparse" layers of mlp_layer_types, else those that `sparse`.
  std::vector<bool> sparse_layers(const std::function<bool(int)>& sparse) const;
  // The same with Qwen's fields: each decoder_sparse_step-th layer that mlp_only_layers does not name.
  std::vector<bool> sparse_layers_by_step() const;
  // Layers with experts: counts, widths, shared experts and routing, by all the names there are.
  void experts(const std::vector<bool>& layers, bool renormalize);

 private:
  int default_of(std::string_view key, int value) const;
  std::string_view activation_key() const;
  void read_sizes();
  void read_heads();
  void read_text_head();
  void read_scores(TextHeadDescription& head);
  int read_depth() const;

  const JsonView& in_;
  const JsonView& outer_;
  const Architecture& architecture_;
  ModelDescription m_;
};

}  // namespace ferrum
