// Memory, and the operations that treat each row of a batch by itself.
#include "backend/reference/reference_backend.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <vector>

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

void normalize_row(float* out, const float* x, const float* weight, int n, float eps) {
  double squares = 0;
  for (int i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * x[i];
  const double scale = 1.0 / std::sqrt(squares / n + eps);
  for (int i = 0; i < n; ++i) out[i] = static_cast<float>(x[i] * scale) * weight[i];
}

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

void ReferenceBackend::rms_norm(Tensor out, Tensor x, Tensor weight, float eps) {
  for (int t = 0; t < x.rows; ++t)
    normalize_row(out.at<float>(t), x.at<float>(t), weight.at<float>(0), x.cols, eps);
}

void ReferenceBackend::add_rms_norm(Tensor out, Tensor residual, Tensor x, Tensor weight, float eps) {
  for (int t = 0; t < x.rows; ++t)
    for (int i = 0; i < x.cols; ++i) *residual.at<float>(t, i) += *x.at<float>(t, i);
  rms_norm(out, residual, weight, eps);
}

void ReferenceBackend::gather_rows(Tensor out, Tensor x, Tensor rows) {
  for (int i = 0; i < out.rows; ++i) std::copy_n(x.at<float>(*rows.at<int32_t>(i)), x.cols, out.at<float>(i));
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
