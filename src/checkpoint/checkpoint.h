// A checkpoint, whether a GGUF file (or a split set of them) or a Hugging Face folder: one model description,
// the tensors by role, the tokenizer and the chat template.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/model_description.h"
#include "checkpoint/tensor_names.h"
#include "tensor/host_tensor.h"
#include "text/token.h"
#include "text/tokenizer.h"

namespace ferrum {

// What the checkpoint's authors recommend (generation_config.json, GGUF general.sampling.*). Numbers are as
// the file has them, perhaps out of range; unset where the file has none. The engine checks them
// (engine/sampling/recommended_sampling.h).
struct GenerationDefaults {
  std::string source;  // the file, for messages
  std::optional<float> temperature, top_p, min_p, repetition_penalty, top_k;
  std::vector<TokenId> stop_tokens;  // ids of the vocabulary that end an answer: EOS, end of turn
  // stop_tokens may lack some: a GGUF file names one EOS, and some folders name none. Then the well-known end
  // tokens of the vocabulary count as well (text/end_tokens.h).
  bool may_lack_stop_tokens = false;
};

// What of a checkpoint is to be used beside the text model.
struct CheckpointParts {
  // kIfKnown: where the architecture is known to have it (Architecture::has_mtp) and the files do.
  enum class Wish : uint8_t { kLeaveOut, kIfKnown, kDemand };
  Wish mtp = Wish::kLeaveOut;  // the head that predicts further tokens

  static Wish demand_if(bool wanted) { return wanted ? Wish::kDemand : Wish::kLeaveOut; }
};

class Checkpoint {
 public:
  // `path`: a .gguf file (any shard of a split one), a folder with config.json and *.safetensors, or a folder
  // with one GGUF file. Reads headers only (and a head that is stored though it is said to be tied, to
  // compare it); the weights stay mapped. What is odd but harmless in the files is a logged warning that
  // names file and field. Errors: faults B01–B15, B17–B20; kBadArgument where a part is demanded that the
  // files lack.
  static std::unique_ptr<Checkpoint> open(const std::filesystem::path& path, CheckpointParts parts = {});
  virtual ~Checkpoint() = default;

  virtual const ModelDescription& model() const = 0;
  virtual Naming naming() const = 0;  // of its files, which also decides the order of some rows (GgufOrder)
  virtual const HostTensor* find(const TensorKey& key) const = 0;  // null: absent
  virtual const std::vector<HostTensor>& tensors() const = 0;      // all, by name as in the file
  virtual std::string format() const = 0;  // to be shown: "GGUF v3, Q4_K_M", "safetensors, BF16"
  virtual Format main_format() const = 0;  // the format of most bytes
  virtual uint64_t bytes() const = 0;      // of all tensors
  virtual bool intact() const = 0;         // false: a file was cut while mapped (B16)

  // Returns the memory of a tensor's bytes to the system. The bytes can still be read, from the file.
  virtual void release(const HostTensor& tensor) const = 0;

  // Null where the checkpoint has no tokenizer. Error where it has a malformed one.
  virtual std::unique_ptr<const Tokenizer> load_tokenizer() const = 0;
  virtual std::optional<std::string> chat_template() const = 0;
  virtual const GenerationDefaults& generation() const = 0;
};

}  // namespace ferrum
