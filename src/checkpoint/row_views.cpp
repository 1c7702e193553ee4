#include "checkpoint/row_views.h"

#include <cstring>
#include <memory>
#include <utility>

#include "base/check.h"

namespace ferrum {
namespace {

using Parts = std::vector<std::span<const std::byte>>;

Parts stored_parts(const HostTensor& tensor) {
  return tensor.maker ? tensor.maker->stored() : Parts{tensor.bytes};
}

size_t bytes_of_row(const HostTensor& tensor) {
  return row_bytes(tensor.format, static_cast<size_t>(tensor.cols()));
}

// As stored, or as made.
void copy_row(const HostTensor& tensor, int64_t row, std::byte* out) {
  if (tensor.maker)
    tensor.maker->make(row, 1, out);
  else
    std::memcpy(out, tensor.row(row).data(), bytes_of_row(tensor));
}

class EvenThenOddRows final : public RowMaker {
 public:
  explicit EvenThenOddRows(HostTensor source) : source_(std::move(source)) {}

  void make(int64_t first, int64_t count, std::byte* out) const override {
    const int64_t rows = source_.shape[source_.shape.size() - 2];
    const int64_t even = (rows + 1) / 2;
    for (int64_t r = first; r < first + count; ++r, out += bytes_of_row(source_)) {
      const int64_t within = r % rows;
      copy_row(source_, r - within + (within < even ? 2 * within : 2 * (within - even) + 1), out);
    }
  }
  Parts stored() const override { return stored_parts(source_); }

 private:
  HostTensor source_;
};

class SelectedRows final : public RowMaker {
 public:
  SelectedRows(HostTensor source, std::vector<int64_t> rows)
      : source_(std::move(source)), rows_(std::move(rows)) {}

  void make(int64_t first, int64_t count, std::byte* out) const override {
    for (int64_t r = first; r < first + count; ++r, out += bytes_of_row(source_))
      copy_row(source_, rows_[static_cast<size_t>(r)], out);
  }
  Parts stored() const override { return stored_parts(source_); }

 private:
  HostTensor source_;
  std::vector<int64_t> rows_;
};

class SelectedColumns final : public RowMaker {
 public:
  SelectedColumns(HostTensor source, std::vector<int64_t> columns)
      : source_(std::move(source)), columns_(std::move(columns)) {}

  void make(int64_t first, int64_t count, std::byte* out) const override {
    const size_t size = row_bytes(source_.format, 1);
    std::vector<std::byte> row(bytes_of_row(source_));
    for (int64_t r = first; r < first + count; ++r) {
      copy_row(source_, r, row.data());
      for (const int64_t c : columns_) {
        std::memcpy(out, row.data() + static_cast<size_t>(c) * size, size);
        out += size;
      }
    }
  }
  Parts stored() const override { return stored_parts(source_); }

 private:
  HostTensor source_;
  std::vector<int64_t> columns_;
};

class Transposed final : public RowMaker {
 public:
  explicit Transposed(HostTensor source) : source_(std::move(source)) {}

  // Rows of one matrix are made together: a stored row gives neighbouring values to all of them.
  void make(int64_t first, int64_t count, std::byte* out) const override {
    const int64_t rows = source_.shape[source_.shape.size() - 2];
    const int64_t cols = source_.cols();
    const auto size = static_cast<int64_t>(row_bytes(source_.format, 1));
    for (int64_t done = 0; done < count;) {
      const int64_t matrix = (first + done) / cols;
      const int64_t begin = (first + done) % cols;
      const int64_t together = std::min(count - done, cols - begin);
      for (int64_t c = 0; c < rows; ++c) {
        const std::byte* from = source_.row(matrix * rows + c).data() + begin * size;
        for (int64_t r = 0; r < together; ++r)
          std::memcpy(out + ((done + r) * rows + c) * size, from + r * size, static_cast<size_t>(size));
      }
      done += together;
    }
  }
  Parts stored() const override { return {source_.bytes}; }

 private:
  HostTensor source_;
};

HostTensor with_maker(const HostTensor& source, std::vector<int64_t> shape,
                      std::shared_ptr<const RowMaker> maker) {
  return {.name = source.name,
          .format = source.format,
          .shape = std::move(shape),
          .bytes = {},
          .maker = std::move(maker)};
}

}  // namespace

HostTensor even_then_odd_rows(const HostTensor& tensor) {
  check(tensor.shape.size() >= 2, tensor.name);
  return with_maker(tensor, tensor.shape, std::make_shared<EvenThenOddRows>(tensor));
}

HostTensor selected_columns(const HostTensor& tensor, std::vector<int64_t> columns) {
  check(is_float(tensor.format) && !tensor.shape.empty(), tensor.name);
  std::vector<int64_t> shape = tensor.shape;
  shape.back() = static_cast<int64_t>(columns.size());
  return with_maker(tensor, std::move(shape), std::make_shared<SelectedColumns>(tensor, std::move(columns)));
}

HostTensor even_then_odd_columns(const HostTensor& tensor) {
  std::vector<int64_t> columns;
  for (const int64_t odd : {0, 1})
    for (int64_t c = odd; c < tensor.cols(); c += 2) columns.push_back(c);
  return selected_columns(tensor, std::move(columns));
}

void split_halves(std::vector<HostTensor>& tensors, std::string_view both, std::string_view first,
                  std::string_view second) {
  std::vector<HostTensor> split;
  for (HostTensor& tensor : tensors) {
    const size_t at = tensor.name.find(both);
    if (at == std::string::npos || tensor.maker || tensor.shape.empty() || tensor.shape.front() % 2 != 0) {
      split.push_back(std::move(tensor));
      continue;
    }
    HostTensor part = tensor;
    part.shape.front() /= 2;
    const size_t half = tensor.bytes.size() / 2;
    for (const std::string_view name : {first, second}) {
      part.name = std::string(tensor.name).replace(at, both.size(), name);
      part.bytes = name == first ? tensor.bytes.first(half) : tensor.bytes.subspan(half);
      split.push_back(part);
    }
  }
  tensors = std::move(split);
}

HostTensor selected_rows(const HostTensor& tensor, std::vector<int64_t> rows) {
  check(tensor.shape.size() == 2, tensor.name);
  std::vector<int64_t> shape = {static_cast<int64_t>(rows.size()), tensor.cols()};
  HostTensor view =
      with_maker(tensor, std::move(shape), std::make_shared<SelectedRows>(tensor, std::move(rows)));
  view.column_order = tensor.column_order;
  return view;
}

HostTensor transposed(const HostTensor& tensor) {
  check(is_float(tensor.format) && !tensor.maker && tensor.shape.size() >= 2, tensor.name);
  std::vector<int64_t> shape = tensor.shape;
  std::swap(shape[shape.size() - 2], shape.back());
  return with_maker(tensor, std::move(shape), std::make_shared<Transposed>(tensor));
}

}  // namespace ferrum
