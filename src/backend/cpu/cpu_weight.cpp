#include "backend/cpu/cpu_weight.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"

namespace ferrum::cpu {
namespace {

// Rows [first_row, …) of a group within a part.
struct SourceRows {
  const uint8_t* data;
  size_t row_bytes;
  int64_t rows;
};

SourceRows rows_of_part(const WeightSource& source, const WeightSource::Part& part, int group) {
  const bool one_for_all = part.size() == 1;
  const HostTensor& tensor = part[one_for_all ? 0 : static_cast<size_t>(group)];
  const size_t row_bytes = ferrum::row_bytes(tensor.format, static_cast<size_t>(tensor.cols()));
  check_equal(tensor.bytes.size(), row_bytes * static_cast<size_t>(tensor.rows()), "bytes of " + tensor.name);
  const int64_t rows = one_for_all ? tensor.rows() / source.groups : tensor.rows();
  const size_t offset = one_for_all ? static_cast<size_t>(group) * static_cast<size_t>(rows) * row_bytes : 0;
  return {reinterpret_cast<const uint8_t*>(tensor.bytes.data()) + offset, row_bytes, rows};
}

int index_of(Format format) { return static_cast<int>(format); }

}  // namespace

size_t panel_bytes(Format format, int lanes, int cols) {
  const int padded = is_float(format) ? cols + cols % 2 : cols;
  return static_cast<size_t>(lanes) * row_bytes(format, static_cast<size_t>(padded));
}

CpuWeight::CpuWeight(const WeightSource& source, const Kernels& kernels, ThreadPool& pool, PageArena& memory)
    : Weight(source), kernels_(kernels), lanes_(kernels.lanes), bias_(source.bias) {
  check(lanes_ <= kMostLanes, "a panel's rows");
  if (source.use == WeightUse::kLookUp) {
    check(groups() == 1 && source.parts.size() == 1, "a table to look rows up in is one tensor");
    const HostTensor& table = source.parts[0][0];
    check_equal(table.bytes.size(), row_bytes(table.format, static_cast<size_t>(table.elements())),
                "bytes of " + table.name);
    stored_ = table.bytes.data();
    stored_format_ = table.format;
    return;
  }
  int first_row = 0;
  for (const WeightSource::Part& part : source.parts) {
    const Format format = part[0].format;
    for (const HostTensor& tensor : part)
      if (tensor.format != format)
        fail(ErrorCode::kUnsupported, "{} is {} and {} is {}: the experts of a layer are of one type",
             in_quotes(part[0].name), name_of(format), in_quotes(tensor.name), name_of(tensor.format));
    const int rows = static_cast<int>(rows_of_part(source, part, 0).rows);
    const int middle = this->rows() / 2;
    if (first_row < middle && middle < first_row + rows) {
      add_run(format, first_row, middle - first_row);
      add_run(format, middle, first_row + rows - middle);
    } else {
      add_run(format, first_row, rows);
    }
    first_row += rows;
  }
  packed_ = memory.take(group_bytes_ * static_cast<size_t>(groups()));
  pack(source, pool);
}

void CpuWeight::add_run(Format format, int first_row, int rows) {
  if (rows == 0) return;
  const size_t bytes = panel_bytes(format, lanes_, cols());
  const int panels = (rows + lanes_ - 1) / lanes_;
  runs_.push_back({format, bytes, group_bytes_, panels_, panels, first_row, rows});
  panels_ += panels;
  group_bytes_ += (bytes * static_cast<size_t>(panels) + 63) / 64 * 64;
}

void CpuWeight::pack(const WeightSource& source, ThreadPool& pool) {
  pool.parallel_for(int64_t{groups()} * panels_, [&](int64_t begin, int64_t end, int) noexcept {
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
        const uint8_t* lanes[kMostLanes] = {};
        for (int lane = 0; lane < run.rows; ++lane)
          lanes[lane] = rows.data + static_cast<size_t>(run.first_row - part_begin + lane) * rows.row_bytes;
        kernels_.pack[index_of(run.format)](lanes, cols(), const_cast<uint8_t*>(run.panels));
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
    const int in_run = row - run.first_row;
    const int lane = in_run % lanes_;
    const uint8_t* panel =
        packed_.get() + run.offset + static_cast<size_t>(in_run / lanes_) * run.panel_bytes;
    for (int col = 0; col < cols(); col += kSpan) {
      const int count = std::min(kSpan, cols() - col);
      kernels_.expand[index_of(run.format)](panel, count, scratch);
      for (int i = 0; i < count; ++i) out[col + i] = scratch[i * lanes_ + lane];
      panel += panel_bytes(run.format, lanes_, kSpan);
    }
  }
}

}  // namespace ferrum::cpu
