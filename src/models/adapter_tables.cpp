#include "models/adapter_tables.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/error.h"
#include "base/function_ref.h"
#include "checkpoint/tensor_plan.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

using Role = TensorRole;

// Element (r, c) of a matrix that is to be made.
using Elements = FunctionRef<float(int64_t r, int64_t c)>;

Tensor made(HostArena& arena, DType dtype, int64_t rows, int64_t cols, Elements element) {
  const Tensor tensor = arena.allocate(dtype, rows, cols);
  for (int r = 0; r < tensor.rows; ++r)
    for (int c = 0; c < tensor.cols; ++c) {
      const float value = element(r, c);
      if (dtype == DType::kF32)
        *tensor.at<float>(r, c) = value;
      else
        *tensor.at<uint16_t>(r, c) = dtype == DType::kF16 ? f16_from_float(value) : bf16_from_float(value);
    }
  return tensor;
}

// Half precision has 14 bits above 1 and as many below: the power of two by which the largest number comes
// close to the upper end, so that small ones stay precise.
int power_for_halves(const std::vector<float>& values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  if (largest == 0) return 0;
  int exponent = 0;
  std::frexp(largest, &exponent);
  constexpr int kMost = 60;
  return std::clamp(14 - exponent, -kMost, kMost);
}

// All matrices of an adapter lie in one buffer, which a backend can map with large pages: a step reads
// thousands of matrices of some tens of kilobytes.
size_t bytes_in_buffer(const Tensor& matrix) {
  constexpr size_t kAlignment = 256;  // of what any backend reads
  return (matrix.bytes() + kAlignment - 1) / kAlignment * kAlignment;
}

// Rows [first, first + count) of a weight that a change has rows for; others among them are not changed.
struct ChangedRows {
  int64_t first = 0;
  std::vector<int64_t> of;  // [count] rows of the change; −1: none
};

ChangedRows trimmed(const std::vector<int64_t>& rows) {
  const auto is_there = [](int64_t row) { return row >= 0; };
  const auto first = std::ranges::find_if(rows, is_there);
  const auto last = std::find_if(rows.rbegin(), rows.rend(), is_there).base();
  if (first == rows.end()) return {};
  return {first - rows.begin(), {first, last}};
}

}  // namespace

AdapterTables::AdapterTables(const ModelDescription& model, std::vector<WeightOrigin> origins, int slots,
                             DType dtype)
    : vocab_(model.vocab),
      dtype_(dtype),
      tied_head_(model.tied_head),
      origins_(std::move(origins)),
      memory_(static_cast<size_t>(slots)) {
  std::map<std::pair<int, Role>, int64_t> rows_before;
  for (const PlannedTensor& planned : tensors_of(model)) {
    if (planned.key.is_bias || planned.fused == Role::kEmbedding || planned.shape.size() < 2) continue;
    const int64_t rows = planned.shape[planned.shape.size() - 2];
    int64_t& before = rows_before[{planned.key.layer, planned.fused}];
    fused_[{planned.key.layer, planned.key.role}] = {planned.fused, before, rows};
    before += rows;
  }
}

std::vector<int64_t> AdapterTables::rows_of(const WeightOrigin& origin, const TensorKey& key) const {
  const Role role = key.role == Role::kHead && tied_head_ ? Role::kEmbedding : key.role;
  const auto find_fused = [&](Role of) {
    const auto at = fused_.find({key.layer, of});
    return at == fused_.end() ? nullptr : &at->second;
  };
  std::vector<int64_t> rows;
  for (const WeightOrigin::Part& part : origin.parts) {
    const Fused* own = find_fused(part.key.role);
    const Fused* wanted = find_fused(role);
    for (int64_t i = 0; i < part.count; ++i) {
      const int64_t row = part.row(i);
      if (part.key.layer != key.layer) {
        rows.push_back(-1);
      } else if (part.key.role == role) {
        rows.push_back(row);
      } else if (own != nullptr && own->whole == role) {
        rows.push_back(own->first + row);
      } else if (wanted != nullptr && wanted->whole == part.key.role) {
        const bool is_own = row >= wanted->first && row < wanted->first + wanted->rows;
        rows.push_back(is_own ? row - wanted->first : -1);
      } else {
        rows.push_back(-1);
      }
    }
  }
  return rows;
}

AdapterTables::Prepared AdapterTables::prepare(const Adapter& adapter) const {
  Prepared prepared;
  std::vector<Addition>& all = prepared.additions_;
  std::map<int, std::vector<const WeightOrigin*>> by_layer;
  for (const WeightOrigin& origin : origins_) by_layer[origin.parts.front().key.layer].push_back(&origin);

  for (const LowRankChange& change : adapter.changes) {
    const size_t before = all.size();
    const int64_t rank = change.rank;
    const int64_t in = std::ssize(change.a) / rank, out = std::ssize(change.b) / rank;
    const DType dtype = change.dtype == DType::kF32 ? dtype_ : change.dtype;
    const bool becomes_half = dtype == DType::kF16 && change.dtype == DType::kF32;
    const int power_of_a = becomes_half ? power_for_halves(change.a) : 0;
    const int power_of_b = becomes_half ? power_for_halves(change.b) : 0;
    const float factor_of_a = std::ldexp(1.0F, power_of_a), factor_of_b = std::ldexp(1.0F, power_of_b);
    const float scale = std::ldexp(change.scale, -power_of_a - power_of_b);
    const auto a = [&](int64_t r, int64_t c) {
      return factor_of_a * change.a[static_cast<size_t>(r * in + c)];
    };
    const auto b = [&](int64_t r, int64_t c) {
      return factor_of_b * change.b[static_cast<size_t>(r * rank + c)];
    };
    const auto matrix = [&](int64_t rows, int64_t cols, Elements element) {
      return made(prepared.memory_, dtype, rows, cols, element);
    };
    for (const WeightOrigin* origin : by_layer[change.key.layer]) {
      const Weight& w = *origin->weight;
      const Role first = origin->parts.front().key.role;
      const auto add = [&](int group, const LowRank& part) {
        all.push_back({origin, Addition::To::kProduct, group, part});
      };
      if (is_table(change.key.role)) {
        if (first != change.key.role) continue;
        all.push_back({origin, Addition::To::kLookup, 0,
                       LowRank{.a = matrix(in, rank, [&](int64_t r, int64_t c) { return a(c, r); }),
                               .b = matrix(rank, out, [&](int64_t r, int64_t c) { return b(c, r); }),
                               .scale = scale}});
      } else if (origin->use == WeightUse::kHeads) {
        // W of a head is [k rows; v rows] of the latent vector; its k is applied transposed.
        const bool is_whole = change.key.role == Role::kLatentUp;
        if (!is_whole && change.key.role != first) continue;
        const bool is_key = first == Role::kKeyUp;
        for (int h = 0; h < w.groups(); ++h) {
          if (!is_whole && change.key.expert != h) continue;
          LowRank part;
          part.first = h * w.rows();
          part.from = h * w.cols();
          part.scale = scale;
          const int64_t each = out / w.groups();
          const int64_t row = is_whole ? h * each + (is_key ? 0 : each - w.rows()) : 0;
          if (is_whole && is_key) {
            part.a = matrix(rank, w.cols(), [&](int64_t r, int64_t c) { return b(row + c, r); });
            part.b = matrix(rank, w.rows(), a);
          } else {
            part.a = matrix(rank, w.cols(), a);
            part.b = matrix(rank, w.rows(), [&](int64_t r, int64_t c) { return b(row + c, r); });
          }
          add(0, part);
        }
      } else {
        if (std::max(change.key.expert, 0) >= w.groups() || (w.groups() > 1 && change.key.expert < 0))
          continue;
        const ChangedRows rows = trimmed(rows_of(*origin, change.key));
        if (rows.of.empty()) continue;
        add(std::max(change.key.expert, 0), {.a = matrix(rank, in, a),
                                             .b = matrix(rank, std::ssize(rows.of),
                                                         [&](int64_t r, int64_t c) {
                                                           const int64_t row =
                                                               rows.of[static_cast<size_t>(c)];
                                                           return row < 0 ? 0.0F : b(row, r);
                                                         }),
                                             .first = static_cast<int>(rows.first),
                                             .scale = scale});
      }
    }
    if (all.size() == before)
      fail(ErrorCode::kUnsupported, "{}: the adapter changes {}, which Ferrum does not run with adapters",
           adapter.source, in_quotes(change.name));
  }

  for (const WholeChange& change : adapter.whole) {
    const bool is_head = change.key.role == Role::kHead;
    const Role role = is_head && !tied_head_ ? Role::kHead : Role::kEmbedding;
    const int64_t cols = std::ssize(change.difference) / vocab_;
    const auto difference = [&](int64_t r, int64_t c) {
      return change.difference[static_cast<size_t>(r * cols + c)];
    };
    for (const WeightOrigin& origin : origins_) {
      if (origin.parts.front().key.role != role) continue;
      LowRank part;
      if (is_head)
        part.b = made(prepared.memory_, DType::kF32, cols, vocab_,
                      [&](int64_t r, int64_t c) { return difference(c, r); });
      else
        part.a = made(prepared.memory_, DType::kF32, vocab_, cols, difference);
      all.push_back({&origin, is_head ? Addition::To::kProduct : Addition::To::kLookup, 0, part});
    }
  }
  check_ranks(adapter, all);
  return prepared;
}

void AdapterTables::check_ranks(const Adapter& adapter, const std::vector<Addition>& additions) const {
  std::map<std::pair<const WeightOrigin*, int>, int> ranks;  // beside each product
  for (const Addition& addition : additions) {
    if (addition.to != Addition::To::kProduct) continue;
    const int sum = ranks[{addition.origin, addition.matrix}] += addition.part.rank();
    if (sum > kMostRanks)
      fail(ErrorCode::kUnsupported,
           "{}: the ranks that the adapter has beside one product add up to {}; Ferrum runs up to {}",
           adapter.source, sum, kMostRanks);
  }
}

void AdapterTables::Entry::count_ranks() {
  most_ranks = 0;
  for (const std::vector<LowRank>& parts : ranks) {
    int sum = 0;
    for (const LowRank& part : parts) sum += part.rank();
    most_ranks = std::max(most_ranks, sum);
  }
}

size_t AdapterTables::Prepared::bytes() const {
  size_t bytes = 0;
  for (const Addition& addition : additions_)
    bytes += bytes_in_buffer(addition.part.a) + bytes_in_buffer(addition.part.b);
  return bytes;
}

void AdapterTables::install(Backend& backend, int slot, const Prepared& prepared) {
  std::unique_ptr<Buffer>& memory = memory_.at(static_cast<size_t>(slot));
  check(memory == nullptr, "a slot without an adapter");
  std::unique_ptr<Buffer> buffer = backend.allocate(prepared.bytes());
  auto* at = static_cast<std::byte*>(buffer->data());
  const auto upload = [&](const Tensor& host) {
    Tensor tensor = host;
    if (host.empty()) return tensor;
    tensor.data = at;
    backend.upload(tensor, {static_cast<const std::byte*>(host.data), host.bytes()});
    at += bytes_in_buffer(host);
    return tensor;
  };
  std::vector<LowRank> parts;  // all of them, before anything is changed
  for (const Addition& addition : prepared.additions_) {
    parts.push_back(addition.part);
    parts.back().a = upload(addition.part.a);
    parts.back().b = upload(addition.part.b);
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    const Addition& addition = prepared.additions_[i];
    const bool is_product = addition.to == Addition::To::kProduct;
    Entry& entry = (is_product ? products_ : lookups_)[addition.origin->weight];
    if (entry.ranks.empty()) {
      entry.matrices = addition.origin->use == WeightUse::kHeads ? 1 : addition.origin->weight->groups();
      entry.ranks.resize(memory_.size() * static_cast<size_t>(entry.matrices));
    }
    entry.ranks[static_cast<size_t>(slot * entry.matrices + addition.matrix)].push_back(parts[i]);
    entry.count_ranks();
  }
  backend.synchronize();
  memory = std::move(buffer);
}

void AdapterTables::remove(int slot) {
  for (Entries* entries : {&products_, &lookups_})
    for (auto at = entries->begin(); at != entries->end();) {
      Entry& entry = at->second;
      for (int matrix = 0; matrix < entry.matrices; ++matrix)
        entry.ranks[static_cast<size_t>(slot * entry.matrices + matrix)].clear();
      entry.count_ranks();
      const bool is_empty = std::ranges::all_of(entry.ranks, [](const auto& parts) { return parts.empty(); });
      at = is_empty ? entries->erase(at) : std::next(at);
    }
  memory_.at(static_cast<size_t>(slot)).reset();
}

}  // namespace ferrum
