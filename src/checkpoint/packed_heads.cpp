#include "checkpoint/packed_heads.h"

#include <string>
#include <utility>

#include "checkpoint/row_views.h"

namespace ferrum {
namespace packed_heads {

using Rows = std::vector<int64_t>;

struct Order {
  Rows q, k, v;
};

Order order_of(const AttentionDescription& a) {
  const int64_t queries = int64_t{a.q_heads / a.kv_heads} * a.head_dim;
  const int64_t group = queries + a.head_dim + a.value_dim;
  Order order;
  const auto take = [&](Rows& to, int64_t first, int64_t count) {
    for (int64_t head = 0; head < a.kv_heads; ++head)
      for (int64_t row = 0; row < count; ++row) to.push_back(head * group + first + row);
  };
  take(order.q, 0, queries);
  take(order.k, queries, a.head_dim);
  take(order.v, queries + a.head_dim, a.value_dim);
  return order;
}

HostTensor selected(const HostTensor& tensor, Rows rows, std::string name) {
  HostTensor part = tensor.shape.size() == 1 ? selected_columns(tensor, std::move(rows))
                                             : selected_rows(tensor, std::move(rows));
  part.name = std::move(name);
  return part;
}

// Whether it is a weight or a bias of all heads of this layer.
bool has_all_heads(const HostTensor& tensor, const AttentionDescription& a) {
  const bool is_bias = tensor.shape.size() == 1 && is_float(tensor.format);
  if (!is_bias && tensor.shape.size() != 2) return false;
  return a.kv_heads > 0 && a.q_heads % a.kv_heads == 0 && tensor.shape.front() == a.qkv_width();
}

}  // namespace packed_heads

void join_groups_of_heads(std::vector<HostTensor>& tensors, std::string_view part,
                          const ModelDescription& model) {
  using namespace packed_heads;
  const AttentionDescription& a = model.first_attention();
  for (HostTensor& tensor : tensors) {
    if (tensor.name.find(part) == std::string::npos || !has_all_heads(tensor, a)) continue;
    Order order = order_of(a);
    Rows rows = std::move(order.q);
    rows.insert(rows.end(), order.k.begin(), order.k.end());
    rows.insert(rows.end(), order.v.begin(), order.v.end());
    tensor = selected(tensor, std::move(rows), tensor.name);
  }
}

void split_groups_of_heads(std::vector<HostTensor>& tensors, std::string_view part, const HeadParts& names,
                           const ModelDescription& model) {
  using namespace packed_heads;
  const AttentionDescription& a = model.first_attention();
  std::vector<HostTensor> split;
  for (HostTensor& tensor : tensors) {
    const size_t at = tensor.name.find(part);
    if (at == std::string::npos || !has_all_heads(tensor, a)) {
      split.push_back(std::move(tensor));
      continue;
    }
    Order order = order_of(a);
    const auto take = [&](Rows& rows, std::string_view name) {
      split.push_back(
          selected(tensor, std::move(rows), std::string(tensor.name).replace(at, part.size(), name)));
    };
    take(order.q, names.q);
    take(order.k, names.k);
    take(order.v, names.v);
  }
  tensors = std::move(split);
}

}  // namespace ferrum
