// One family of models: how its configuration is read from either kind of file, and what its tensors are
// called. Each is one file in architectures/, and one line in architectures/registry.cpp.
//
// Configurations are read in two steps. What nearly all families spell alike (sizes, heads, rotation, norms'
// epsilon, experts' keys in GGUF) is read first, by HfReader and GgufReader; the architecture's own function
// then sets its switches in the description and reads what is left.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "checkpoint/model_description.h"
#include "checkpoint/tensor_names.h"
#include "tensor/host_tensor.h"

namespace ferrum {

class HfReader;
class GgufReader;
class TensorTable;

struct HfName {
  std::string_view model_type, class_name;
};

// What a configuration means where it is silent: the defaults of its class in transformers.
struct HfDefaults {
  int head_dim = 0;  // 0: hidden_size / num_attention_heads
  int context = 2048;
  double eps = 1e-6;
  double theta = 10000;
  double rotary_share = 1;  // of a head that rotates
  bool tied_head = false;
  int heads = 0;     // 0: num_attention_heads must be there
  int vocab = 0;     // 0: vocab_size must be there
  int kv_heads = 0;  // 0: as many as num_attention_heads
  int experts = 0;
  int top_k = 0;
  int expert_width = 0;  // 0: intermediate_size
  int shared_experts = 0;
  double expert_scale = 1;
  std::string_view rope = {};  // rope_parameters, as JSON
  int original_context = 0;    // original_max_position_embeddings; 0: the class has no such field
};

struct Architecture {
  std::string_view name;       // shown, and GGUF's general.architecture
  std::span<const HfName> hf;  // none: not read from folders
  std::string_view gguf;       // general.architecture where it is not `name`; "-": not read from GGUF
  HfDefaults hf_defaults = {};
  std::span<const TensorNames> names = {};  // where they differ from the usual ones
  // GGUF files store rows of q and k so that neighbours are rotated: row 2i + p of a head is row
  // p × head_dim / 2 + i of a folder's.
  bool gguf_interleaved = false;
  // Folders rotate neighbours as well, so that both kinds of files have the same rows; where a folder's
  // configuration may say otherwise, what it usually says.
  bool hf_interleaved = false;
  // GGUF files store value heads of recurrent layers so that head j belongs to key head j mod key_heads,
  // folders one behind the other by key head.
  bool gguf_tiled = false;
  // GGUF files have no weights either for norms of heads that have none in folders.
  bool gguf_weightless_norms = false;
  // GGUF files say by rope.scaling.finetuned whether there is a rotation at all.
  bool gguf_switches_rotation = false;
  // GGUF files have the factors of embeddings, attention and the like in their weights, not in the metadata.
  bool gguf_has_factors_in_weights = false;
  // Files may have a head that predicts further tokens, in GGUF as a block behind the last layer.
  bool has_mtp = false;
  void (*read_hf)(HfReader&) = nullptr;
  void (*read_gguf)(GgufReader&) = nullptr;
  // Gives fields of a folder's configuration, which its own code spells in other words, the usual ones.
  void (*respell_hf)(Json&) = nullptr;
  // Brings a folder's tensors into the layout of the plan, where it differs by more than names.
  void (*adapt_hf)(std::vector<HostTensor>&, const ModelDescription&) = nullptr;
  // The same for GGUF files.
  void (*adapt_gguf)(std::vector<HostTensor>&, const ModelDescription&) = nullptr;
  // Sets switches that a folder tells by its tensors alone, before these are compared with the plan.
  void (*settle_hf)(ModelDescription&, const TensorTable&) = nullptr;
  // Reads into the description what a folder keeps in small tensors.
  void (*finish_hf)(ModelDescription&, const TensorTable&) = nullptr;
  // Tensors that files may have and this model does not use, by a part of their name.
  std::span<const std::string_view> ignored = {};

  NameTable tensor_names() const { return NameTable(names); }
  std::string_view gguf_name() const { return gguf.empty() ? name : gguf; }
};

std::span<const Architecture* const> architectures();
const Architecture* architecture_named(std::string_view name);  // null: none

}  // namespace ferrum
