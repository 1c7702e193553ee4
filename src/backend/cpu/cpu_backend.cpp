// Memory, and the operations that treat each row of a batch separately.
#include "backend/cpu/cpu_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <numeric>

#include "backend/cpu/page_memory.h"
#include "base/check.h"
#include "base/error.h"
#include "base/machine.h"

namespace ferrum {
namespace {

using cpu::as_cpu;
using cpu::CpuWeight;

class HostBuffer final : public Buffer {
 public:
  // Touched at once, so that the free memory is known before the next allocation.
  explicit HostBuffer(size_t bytes) : memory_(bytes) { std::memset(memory_.data(), 0, bytes); }
  void* data() override { return memory_.data(); }
  size_t bytes() const override { return memory_.bytes(); }

 private:
  cpu::PageMemory memory_;
};

Isa isa_for(const CpuOptions& options) {
  if (!options.isa) return selected_isa();
  return choose_isa(name_of(*options.isa));
}

size_t row_bytes(Tensor t) { return static_cast<size_t>(t.cols) * size_of(t.dtype); }

const float* row_or_null(const Tensor& t) { return t.empty() ? nullptr : t.at<float>(0); }

void normalize(const cpu::Kernels& kernels, float* out, const float* x, int n, const Norm& norm) {
  switch (norm.kind) {
    case Norm::Kind::kNone:
      if (out != x) std::copy_n(x, n, out);
      break;
    case Norm::Kind::kRms:
      kernels.rms_norm(out, x, row_or_null(norm.weight), n, norm.eps);
      break;
    case Norm::Kind::kLayer:
      kernels.layer_norm(out, x, {row_or_null(norm.weight), row_or_null(norm.bias), n, norm.eps});
      break;
  }
}

}  // namespace

CpuBackend::CpuBackend(const CpuOptions& options)
    : isa_(isa_for(options)),
      kernels_(cpu::kernels_for(isa_)),
      pool_(options.threads > 0 ? options.threads : default_thread_count()),
      weights_(numa_nodes_of(allowed_cpus())),
      activations_(options.activations),
      memory_(kernels_, activations_, pool_.size()) {}

std::string CpuBackend::arithmetic() const {
  const auto activations = [&] {
    switch (activations_) {
      case cpu::Activations::kInt8:
        break;
      case cpu::Activations::kBf16:  // where the CPU does not multiply bf16, asking for it changes nothing
        return kernels_.has_pair_dot ? "bf16" : "int8";
      case cpu::Activations::kFloat32:
        return "f32";
    }
    return "int8";
  };
  return fmt::format("cpu, {}, {} activations", name_of(isa_), activations());
}

void CpuBackend::enter_thread() {
  // The pool's other threads are bound to their cores; this one would be moved about among them whenever
  // another thread of the process wakes.
  bind_this_thread(places_for(threads(), ranked_cores(allowed_cpus())).front());
}

std::string CpuBackend::name() const {
  const auto activations = [&] {
    switch (activations_) {
      case cpu::Activations::kInt8:
        break;
      case cpu::Activations::kBf16:
        return kernels_.has_pair_dot ? "int8 and bf16" : "int8";
      case cpu::Activations::kFloat32:
        return "float32";
    }
    return "int8";
  };
  return fmt::format("cpu ({}, {} threads, {} activations)", name_of(isa_), threads(), activations());
}

std::unique_ptr<Buffer> CpuBackend::allocate(size_t bytes) {
  const size_t free = free_bytes();
  if (bytes > free)
    fail(ErrorCode::kNoMemory, "not enough memory: {} bytes needed, {} bytes free", bytes, free);
  try {
    return std::make_unique<HostBuffer>(bytes);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kNoMemory, "the system refused {} bytes, although {} bytes are free", bytes, free);
  }
}

size_t CpuBackend::free_bytes() const { return available_memory(); }

std::unique_ptr<Weight> CpuBackend::pack(const WeightSource& source) {
  size_t bytes = growth_of({&source, 1});
  for (const WeightSource::Part& part : source.parts)
    for (const HostTensor& tensor : part) bytes += tensor.byte_size();
  const std::string name = source.parts.empty() ? "" : in_quotes(source.parts[0][0].name);
  if (const size_t free = free_bytes(); source.use != WeightUse::kLookUp && bytes > free)
    fail(ErrorCode::kNoMemory, "not enough memory for {}: {} bytes needed, {} bytes free", name, bytes, free);
  try {
    auto weight = std::make_unique<CpuWeight>(source, kernels_, pool_, weights_);
    if (source.use != WeightUse::kLookUp) memory_.reserve(cpu::shape_of(source));
    return weight;
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kNoMemory, "not enough memory for {}: the system refused {} bytes", name, bytes);
  }
}

size_t CpuBackend::kernel_memory() const { return memory_.bytes(); }

size_t CpuBackend::kernel_memory_for(std::span<const WeightSource> weights) const {
  cpu::KernelMemory plan(kernels_, activations_, pool_.size(), cpu::Room::kCounted);
  for (const WeightSource& source : weights)
    if (source.use != WeightUse::kLookUp) plan.reserve(cpu::shape_of(source));
  return plan.bytes();
}

size_t CpuBackend::growth_of(std::span<const WeightSource> weights) const {
  size_t bytes = 0;
  for (const WeightSource& source : weights) bytes += cpu::growth_of(source, kernels_.lanes);
  return bytes;
}

void CpuBackend::upload(Tensor dst, std::span<const std::byte> src) {
  const size_t row = row_bytes(dst);
  check_equal(src.size(), row * static_cast<size_t>(dst.rows), "bytes uploaded");
  for (int r = 0; r < dst.rows; ++r)
    std::memcpy(dst.address(r, 0), src.data() + static_cast<size_t>(r) * row, row);
}

void CpuBackend::download(std::span<std::byte> dst, Tensor src) {
  const size_t row = row_bytes(src);
  check_equal(dst.size(), row * static_cast<size_t>(src.rows), "bytes downloaded");
  for (int r = 0; r < src.rows; ++r)
    std::memcpy(dst.data() + static_cast<size_t>(r) * row, src.address(r, 0), row);
}

void CpuBackend::run(const StepShape&, const std::function<void()>& body) { body(); }

void CpuBackend::embed(Tensor out, const Weight& table, Tensor tokens) {
  const CpuWeight& w = as_cpu(table);
  check_equal(out.cols, w.cols(), "embedding width");
  pool_.parallel_for(out.rows, [&](int64_t begin, int64_t end, int worker) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      const int token = *tokens.at<int32_t>(t);
      check(token >= 0 && token < w.rows(), "a token within the table");
      w.look_up(token, out.at<float>(t), memory_.matmul.scratch(worker));
    }
  });
}

void CpuBackend::norm(Tensor out, Tensor x, const Norm& norm) {
  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t)
      normalize(kernels_, out.at<float>(t), x.at<float>(t), x.cols, norm);
  });
}

void CpuBackend::add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) {
  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      kernels_.add_scaled(residual.at<float>(t), x.at<float>(t), scale, x.cols);
      normalize(kernels_, out.at<float>(t), residual.at<float>(t), x.cols, norm);
    }
  });
}

void CpuBackend::add(Tensor to, Tensor x, float scale) {
  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t)
      kernels_.add_scaled(to.at<float>(t), x.at<float>(t), scale, x.cols);
  });
}

void CpuBackend::scale(Tensor x, float factor, float cap) {
  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      float* const row = x.at<float>(t);
      if (cap > 0)
        kernels_.soft_cap(row, factor, cap, x.cols);
      else
        kernels_.scale(row, row, factor, x.cols);
    }
  });
}

void CpuBackend::apply_gate(Tensor x, Tensor gates, GateKind f) {
  check_equal(x.cols % gates.cols, 0, "columns left over after dividing by the gates");
  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t)
      kernels_.apply_gate[static_cast<int>(f)](x.at<float>(t), gates.at<float>(t), gates.cols,
                                               x.cols / gates.cols);
  });
}

void CpuBackend::gather_rows(Tensor out, Tensor x, Tensor rows) {
  pool_.parallel_for(out.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int i = static_cast<int>(begin); i < end; ++i) {
      const int row = *rows.at<int32_t>(i);
      check(row >= 0 && row < x.rows, "a row within the tensor");
      std::memcpy(out.address(i, 0), x.address(row, 0), row_bytes(x));
    }
  });
}

void CpuBackend::scatter_rows(Tensor to, Tensor x, Tensor rows) {
  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int i = static_cast<int>(begin); i < end; ++i) {
      const int row = *rows.at<int32_t>(i);
      check(row >= 0 && row < to.rows, "a row within the tensor");
      std::memcpy(to.address(row, 0), x.address(i, 0), row_bytes(x));
    }
  });
}

void CpuBackend::pool(Tensor out, Tensor x, Tensor starts, Pooling how) {
  pool_.parallel_for(out.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int i = static_cast<int>(begin); i < end; ++i) {
      const int first = *starts.at<int32_t>(i);
      const int last = *starts.at<int32_t>(i + 1) - 1;
      check(first >= 0 && first <= last && last < x.rows, "rows to pool");
      const float* const start = x.at<float>(how == Pooling::kLast ? last : first);
      float* const to = out.at<float>(i);
      std::memcpy(to, start, row_bytes(x));
      if (how == Pooling::kFirst || how == Pooling::kLast) continue;
      for (int r = first + 1; r <= last; ++r) {
        const float* const row = x.at<float>(r);
        if (how == Pooling::kMax)
          for (int c = 0; c < x.cols; ++c) to[c] = to[c] < row[c] || std::isnan(row[c]) ? row[c] : to[c];
        else
          kernels_.add_scaled(to, row, how == Pooling::kWeightedMean ? static_cast<float>(r - first + 1) : 1,
                              x.cols);
      }
      const auto count = static_cast<float>(last - first + 1);
      const float divisor = how == Pooling::kMean           ? count
                            : how == Pooling::kMeanOfRoot   ? std::sqrt(count)
                            : how == Pooling::kWeightedMean ? count * (count + 1) / 2
                                                            : 1;
      kernels_.scale(to, to, 1 / divisor, x.cols);
    }
  });
}

}  // namespace ferrum
