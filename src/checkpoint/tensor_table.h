// The tensors of a checkpoint by their role in the model, from any number of files.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "checkpoint/tensor_names.h"
#include "tensor/host_tensor.h"

namespace ferrum {

class TensorTable {
 public:
  // `source` names the checkpoint in messages. Error kBadFile: two tensors of one name, or that mean the same
  // (B12).
  TensorTable(Naming naming, std::vector<HostTensor> tensors, std::string source,
              const NameTable& names = NameTable());

  const HostTensor* find(const TensorKey& key) const;  // null: absent
  const std::vector<HostTensor>& all() const { return tensors_; }
  Naming naming() const { return naming_; }
  const std::string& source() const { return source_; }
  uint64_t bytes() const;
  Format main_format() const;  // the one that holds the most bytes

  // Makes find(key) give this tensor as well. REQUIRES: `tensor` is one of all(), and find(key) gives none.
  void add_role(const HostTensor& tensor, const TensorKey& key) { by_key_.emplace(key, index_of(tensor)); }

  const NameTable& names() const { return names_; }

  // The place in all() of what find() gives.
  size_t index_of(const HostTensor& tensor) const { return static_cast<size_t>(&tensor - tensors_.data()); }

 private:
  struct Hash {
    size_t operator()(const TensorKey& key) const;
  };

  Naming naming_;
  NameTable names_;
  std::vector<HostTensor> tensors_;
  std::string source_;
  std::unordered_map<TensorKey, size_t, Hash> by_key_;
};

}  // namespace ferrum
