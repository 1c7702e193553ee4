// The tensors of an adapter's file, by the weight that they change.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "base/function_ref.h"
#include "checkpoint/adapters/adapter.h"
#include "checkpoint/architecture.h"
#include "checkpoint/gguf/gguf_order.h"

namespace ferrum {

// A matrix of the file in float32.
struct AdapterMatrix {
  std::string name;
  int64_t rows = 0, cols = 0;
  Format format = Format::kF32;
  std::vector<float> values;
};
// Error kBadFile for one that is no matrix or has values that are not finite.
AdapterMatrix adapter_matrix(const HostTensor& tensor, const std::string& source);
// [cols, rows]
AdapterMatrix transposed(const AdapterMatrix& matrix);

// Collects changes, checks them against the base model, and brings them into its order.
class AdapterBuilder {
 public:
  // `naming`: that of the adapter's file.
  AdapterBuilder(std::string source, Naming naming, const Checkpoint& base);

  // The weight `name`, without ".weight"; nothing for one of another modality, which is left out with a
  // warning. Error kUnsupported where the base has none.
  std::optional<TensorKey> key_of(std::string_view name);
  // a [rank, cols], b [rows, rank]
  void add(const TensorKey& key, AdapterMatrix a, AdapterMatrix b, float scale);
  // The same by name, where a folder's rows may be those of several tensors of the plan, in another order.
  // Nothing for a weight of another modality.
  void add_named(std::string_view name, const AdapterMatrix& a, const AdapterMatrix& b,
                 FunctionRef<float(int64_t rank)> scale);
  // Of experts in one parameter: a [experts × rank, cols], b [rows, rank × experts], whose columns run over
  // the experts first.
  void add_experts(const TensorKey& key, const AdapterMatrix& a, const AdapterMatrix& b, float scale);
  void replace(const TensorKey& key, AdapterMatrix matrix);
  // Whether the matrix is what the base has at this place.
  bool is_of_base(const TensorKey& key, const AdapterMatrix& matrix) const;
  // The rows of an expert's b in the order of the plan, where folders of this architecture store the
  // parameter `name` in another.
  AdapterMatrix expert_rows(const std::string& name, AdapterMatrix b) const;
  // [rows, cols] of the base's weight: of one expert. Error kUnsupported where it has no such matrix.
  struct Shape {
    int64_t rows = 0, cols = 0;
    int64_t experts = 0;  // 0: not of experts
  };
  Shape shape_of(const TensorKey& key, const std::string& name) const;

  Adapter finish();

 private:
  // Of a change that is brought into the order of another kind of file. Error kUnsupported.
  void require_known_order(const TensorKey& key, const std::string& name) const;
  // Of the folder that the base is, or of which it was made.
  FolderRotates folder_rotates() const;
  const HostTensor* find_own(const TensorKey& key) const;  // the base's; null: it has none

  const Checkpoint& base_;
  Naming naming_;
  NameTable names_;
  Adapter adapter_;
  std::vector<std::string> left_out_;
};

// From both kinds of files.
Adapter read_peft_adapter(const std::filesystem::path& folder, const Checkpoint& base);
Adapter read_gguf_adapter(const std::filesystem::path& path, const Checkpoint& base);

}  // namespace ferrum
