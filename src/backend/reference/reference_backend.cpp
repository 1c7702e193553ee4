// Memory, and the operations that treat each row of a batch separately.
#include "backend/reference/reference_backend.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <vector>

#include "backend/reference/norm.h"
#include "backend/reference/reference_weight.h"
#include "base/check.h"
#include "base/error.h"

namespace ferrum {
namespace {

class HostBuffer final : public Buffer {
 public:
  explicit HostBuffer(size_t bytes) try : data_(bytes) {
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kNoMemory, "cannot allocate {} bytes", bytes);
  }
  void* data() override { return data_.data(); }
  size_t bytes() const override { return data_.size(); }

 private:
  std::vector<std::byte> data_;
};

}  // namespace

std::unique_ptr<Buffer> ReferenceBackend::allocate(size_t bytes) {
  return std::make_unique<HostBuffer>(bytes);
}

size_t ReferenceBackend::free_bytes() const {
  return static_cast<size_t>(sysconf(_SC_AVPHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

std::unique_ptr<Weight> ReferenceBackend::pack(const WeightSource& source) {
  return std::make_unique<ReferenceWeight>(source);
}

void ReferenceBackend::upload(Tensor dst, std::span<const std::byte> src) {
  const size_t row = static_cast<size_t>(dst.cols) * size_of(dst.dtype);
  check_equal(src.size(), row * dst.rows, "bytes uploaded");
  for (int r = 0; r < dst.rows; ++r) std::memcpy(dst.row(r).data, src.data() + r * row, row);
}

void ReferenceBackend::download(std::span<std::byte> dst, Tensor src) {
  const size_t row = static_cast<size_t>(src.cols) * size_of(src.dtype);
  check_equal(dst.size(), row * src.rows, "bytes downloaded");
  for (int r = 0; r < src.rows; ++r) std::memcpy(dst.data() + r * row, src.row(r).data, row);
}

void ReferenceBackend::run(const StepShape&, const std::function<void()>& body) { body(); }

void ReferenceBackend::embed(Tensor out, const Weight& table, Tensor tokens) {
  check_equal(out.cols, table.cols(), "embedding width");
  for (int t = 0; t < out.rows; ++t)
    as_reference(table).decode_row(0, *tokens.at<int32_t>(t), out.at<float>(t));
}

void ReferenceBackend::norm(Tensor out, Tensor x, const Norm& norm) {
  for (int t = 0; t < x.rows; ++t) normalize(out.at<float>(t), x.at<float>(t), x.cols, norm);
}

void ReferenceBackend::add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) {
  add(residual, x, scale);
  this->norm(out, residual, norm);
}

void ReferenceBackend::add(Tensor to, Tensor x, float scale) {
  for (int t = 0; t < x.rows; ++t)
    for (int i = 0; i < x.cols; ++i) {
      float& sum = *to.at<float>(t, i);
      sum = static_cast<float>(sum + static_cast<double>(scale) * *x.at<float>(t, i));
    }
}

void ReferenceBackend::scale(Tensor x, float factor, float cap) {
  for (int t = 0; t < x.rows; ++t)
    for (int i = 0; i < x.cols; ++i) {
      float& value = *x.at<float>(t, i);
      const double product = static_cast<double>(factor) * value;
      value = static_cast<float>(cap == 0 ? product : cap * std::tanh(product / cap));
    }
}

void ReferenceBackend::apply_gate(Tensor x, Tensor gates, GateKind f) {
  check_equal(x.cols % gates.cols, 0, "columns left over after dividing by the gates");
  const int run = x.cols / gates.cols;
  for (int t = 0; t < x.rows; ++t)
    for (int i = 0; i < x.cols; ++i) {
      const double gate = *gates.at<float>(t, i / run);
      const double softplus = std::max(gate, 0.0) + std::log1p(std::exp(-std::abs(gate)));
      const double factor = f == GateKind::kSigmoid    ? 1 / (1 + std::exp(-gate))
                            : f == GateKind::kSoftplus ? softplus
                                                       : gate;
      *x.at<float>(t, i) = static_cast<float>(*x.at<float>(t, i) * factor);
    }
}

void ReferenceBackend::gather_rows(Tensor out, Tensor x, Tensor rows) {
  for (int i = 0; i < out.rows; ++i) std::copy_n(x.at<float>(*rows.at<int32_t>(i)), x.cols, out.at<float>(i));
}

void ReferenceBackend::scatter_rows(Tensor to, Tensor x, Tensor rows) {
  for (int i = 0; i < x.rows; ++i) std::copy_n(x.at<float>(i), x.cols, to.at<float>(*rows.at<int32_t>(i)));
}

void ReferenceBackend::pool(Tensor out, Tensor x, Tensor starts, Pooling how) {
  for (int i = 0; i < out.rows; ++i) {
    const int begin = *starts.at<int32_t>(i);
    const int end = *starts.at<int32_t>(i + 1);
    check(begin < end && end <= x.rows, "rows to pool");
    const double count = end - begin;
    for (int c = 0; c < out.cols; ++c) {
      double sum = 0, weighted = 0, largest = *x.at<float>(begin, c);
      for (int r = begin; r < end; ++r) {
        const double value = *x.at<float>(r, c);
        sum += value;
        weighted += value * (r - begin + 1);
        largest = std::isnan(value) ? value : std::max(largest, value);
      }
      const auto pooled = [&] {
        switch (how) {
          case Pooling::kMean:
            return sum / count;
          case Pooling::kMeanOfRoot:
            return sum / std::sqrt(count);
          case Pooling::kWeightedMean:
            return weighted / (count * (count + 1) / 2);
          case Pooling::kMax:
            return largest;
          case Pooling::kFirst:
            return static_cast<double>(*x.at<float>(begin, c));
          case Pooling::kLast:
            return static_cast<double>(*x.at<float>(end - 1, c));
        }
        return 0.0;
      };
      *out.at<float>(i, c) = static_cast<float>(pooled());
    }
  }
}

void ReferenceBackend::copy_blocks(KvLayer kv, Tensor from_to) {
  for (int i = 0; i < from_to.rows; ++i) {
    const std::array<Tensor, 4> from = kv.block(*from_to.at<int32_t>(i, 0));
    const std::array<Tensor, 4> to = kv.block(*from_to.at<int32_t>(i, 1));
    for (size_t part = 0; part < from.size(); ++part)
      for (int row = 0; row < from[part].rows; ++row)
        std::memcpy(to[part].row(row).data, from[part].row(row).data, from[part].row(row).bytes());
  }
}

}  // namespace ferrum
