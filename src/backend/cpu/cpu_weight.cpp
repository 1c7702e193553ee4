#include "backend/cpu/cpu_weight.h"

#include <algorithm>

#include "backend/cpu/aligned_array.h"
#include "base/check.h"
#include "base/error.h"
#include "base/read_ahead.h"
#include "tensor/formats/coded.h"

namespace ferrum::cpu {
namespace {

// A group's rows within a part.
struct SourceRows {
  const HostTensor* tensor;
  int64_t first;
  int64_t rows;
};

SourceRows rows_of_part(const WeightSource& source, const WeightSource::Part& part, int group) {
  const bool one_for_all = part.size() == 1;
  const HostTensor& tensor = part[one_for_all ? 0 : static_cast<size_t>(group)];
  if (tensor.maker == nullptr)
    check_equal(tensor.bytes.size(), tensor.byte_size(), "bytes of " + tensor.name);
  const int64_t rows = one_for_all ? tensor.rows() / source.groups : tensor.rows();
  return {&tensor, one_for_all ? group * rows : 0, rows};
}

// Prepares for rows that a RowMaker produces. Their sources are not contiguous in the file.
size_t prepare_to_make(const WeightSource& source, int lanes) {
  size_t most = 0;
  for (const WeightSource::Part& part : source.parts)
    for (const HostTensor& tensor : part) {
      if (tensor.maker == nullptr) continue;
      for (const std::span<const std::byte> stored : tensor.maker->stored()) will_read(stored);
      most = std::max(most, row_bytes(tensor.format, static_cast<size_t>(tensor.cols())));
    }
  return most * static_cast<size_t>(lanes);
}

bool are_same(const ColumnOrder* a, const ColumnOrder* b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

int index_of(Format format) { return static_cast<int>(format); }

ColumnOrders orders_of(const WeightSource& source) {
  const size_t parts = source.parts.size();
  std::vector<std::shared_ptr<const ColumnOrder>> all;
  for (int group = 0; group < source.groups; ++group)
    for (const WeightSource::Part& part : source.parts)
      all.push_back(rows_of_part(source, part, group).tensor->column_order);
  ColumnOrders orders;
  bool all_agree = true;
  for (size_t i = 0; i < all.size(); ++i) {
    orders.any |= all[i] != nullptr;
    all_agree &= are_same(all[i].get(), all[i - i % parts].get());
  }
  orders.each = all_agree ? 1 : static_cast<int>(parts);
  for (size_t i = 0; i < all.size(); i += all_agree ? parts : 1) orders.all.push_back(all[i]);
  return orders;
}

}  // namespace

WeightShape shape_of(const WeightSource& source) {
  const ColumnOrders orders = orders_of(source);
  WeightShape shape = {.groups = source.groups,
                       .cols = source.parts[0][0].cols(),
                       .orders = orders.each,
                       .has_orders = orders.any,
                       .of_heads = source.use == WeightUse::kHeads};
  for (const WeightSource::Part& part : source.parts) {
    shape.rows += rows_of_part(source, part, 0).rows;
    shape.formats.push_back(part[0].format);
  }
  return shape;
}

size_t panel_bytes(Format format, int lanes, int cols) {
  if (const formats::CodeTable* table = formats::code_table(format))
    return static_cast<size_t>(cols / kSpan) * static_cast<size_t>(coded_span_bytes(table->bits, lanes));
  const int padded = is_float(format) ? cols + cols % 2 : cols;
  return static_cast<size_t>(lanes) * row_bytes(format, static_cast<size_t>(padded));
}

size_t growth_of(const WeightSource& source, int lanes) {
  if (source.use == WeightUse::kLookUp) return 0;
  size_t bytes = 0;
  for (const WeightSource::Part& part : source.parts)
    for (const HostTensor& tensor : part) {
      if (formats::code_table(tensor.format) == nullptr) continue;
      const auto rows = static_cast<size_t>(tensor.rows());
      const int cols = static_cast<int>(tensor.cols());
      const size_t panel = panel_bytes(tensor.format, lanes, cols);
      bytes += panel * rows / static_cast<size_t>(lanes) -
               rows * row_bytes(tensor.format, static_cast<size_t>(cols));
    }
  return bytes;
}

CpuWeight::CpuWeight(const WeightSource& source, const Kernels& kernels, ThreadPool& pool, PageArena& memory)
    : Weight(source), kernels_(kernels), lanes_(kernels.lanes), bias_(source.bias) {
  check(lanes_ <= kMostLanes, "a panel's rows");
  orders_ = orders_of(source);
  if (source.use == WeightUse::kLookUp && source.parts[0][0].maker == nullptr) {
    check(groups() == 1 && source.parts.size() == 1, "a table to look rows up in is one tensor");
    const HostTensor& table = source.parts[0][0];
    check_equal(table.bytes.size(), row_bytes(table.format, static_cast<size_t>(table.elements())),
                "bytes of " + table.name);
    stored_ = table.bytes.data();
    stored_format_ = table.format;
    return;
  }
  int first_row = 0;
  for (size_t i = 0; i < source.parts.size(); ++i) {
    const WeightSource::Part& part = source.parts[i];
    const int order = orders_.each == 1 ? 0 : static_cast<int>(i);
    const Format format = part[0].format;
    for (const HostTensor& tensor : part)
      if (tensor.format != format)
        fail(ErrorCode::kUnsupported, "{} is {} and {} is {}: the experts of a layer are of one type",
             in_quotes(part[0].name), name_of(format), in_quotes(tensor.name), name_of(tensor.format));
    const int rows = static_cast<int>(rows_of_part(source, part, 0).rows);
    const int middle = this->rows() / 2;
    if (first_row < middle && middle < first_row + rows) {
      add_run(format, {first_row, middle}, order);
      add_run(format, {middle, first_row + rows}, order);
    } else {
      add_run(format, {first_row, first_row + rows}, order);
    }
    first_row += rows;
  }
  packed_ = memory.take(group_bytes_ * static_cast<size_t>(groups()));
  pack(source, pool);
}

void CpuWeight::add_run(Format format, Range range, int order) {
  if (range.size() == 0) return;
  const int first_row = static_cast<int>(range.begin);
  const int rows = static_cast<int>(range.size());
  const size_t bytes = panel_bytes(format, lanes_, cols());
  const int panels = (rows + lanes_ - 1) / lanes_;
  runs_.push_back({format, bytes, group_bytes_, panels_, panels, first_row, rows, order});
  panels_ += panels;
  group_bytes_ += (bytes * static_cast<size_t>(panels) + 63) / 64 * 64;
}

void CpuWeight::pack(const WeightSource& source, ThreadPool& pool) {
  const size_t made_each = prepare_to_make(source, lanes_);
  const AlignedArray<uint8_t> made(made_each * static_cast<size_t>(pool.size()));
  pool.parallel_for(int64_t{groups()} * panels_, [&](int64_t begin, int64_t end, int worker) noexcept {
    for (int64_t i = begin; i < end; ++i) {
      const int group = static_cast<int>(i / panels_);
      const int panel = static_cast<int>(i % panels_);
      each_run(group, {panel, panel + 1}, [&](const PanelRun& run) {
        int part_begin = 0;
        const WeightSource::Part* part = nullptr;
        SourceRows rows = {};
        for (const WeightSource::Part& candidate : source.parts) {
          rows = rows_of_part(source, candidate, group);
          part = &candidate;
          if (run.first_row < part_begin + rows.rows) break;
          part_begin += static_cast<int>(rows.rows);
        }
        check(part != nullptr, "a part for every panel");
        const HostTensor& tensor = *rows.tensor;
        const int64_t first = rows.first + run.first_row - part_begin;
        const size_t bytes = row_bytes(tensor.format, static_cast<size_t>(cols()));
        const uint8_t* data = nullptr;
        if (tensor.maker != nullptr) {
          uint8_t* own = made.data() + made_each * static_cast<size_t>(worker);
          tensor.maker->make(first, run.rows, reinterpret_cast<std::byte*>(own));
          data = own;
        } else {
          data = reinterpret_cast<const uint8_t*>(tensor.bytes.data()) + static_cast<size_t>(first) * bytes;
        }
        const uint8_t* lanes[kMostLanes] = {};
        for (int lane = 0; lane < run.rows; ++lane) lanes[lane] = data + static_cast<size_t>(lane) * bytes;
        kernels_.formats.of[index_of(run.format)].pack(lanes, cols(), const_cast<uint8_t*>(run.panels));
      });
    }
  });
}

void CpuWeight::look_up(int row, float* out, float* scratch) const {
  if (stored_ != nullptr) {
    const size_t bytes = row_bytes(stored_format_, static_cast<size_t>(cols()));
    traits(stored_format_)
        .decode(stored_ + static_cast<size_t>(row) * bytes, out, static_cast<size_t>(cols()));
    return;
  }
  for (const Run& run : runs_) {
    if (row < run.first_row || row >= run.first_row + run.rows) continue;
    const int32_t* order = this->order(0, run.order);
    const int in_run = row - run.first_row;
    const int lane = in_run % lanes_;
    const uint8_t* panel =
        packed_.get() + run.offset + static_cast<size_t>(in_run / lanes_) * run.panel_bytes;
    for (int col = 0; col < cols(); col += kSpan) {
      const int count = std::min(kSpan, cols() - col);
      kernels_.formats.of[index_of(run.format)].expand(panel, count, scratch);
      for (int i = 0; i < count; ++i)
        out[order == nullptr ? col + i : order[col + i]] = scratch[i * lanes_ + lane];
      panel += panel_bytes(run.format, lanes_, kSpan);
    }
  }
}

}  // namespace ferrum::cpu
