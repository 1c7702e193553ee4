// Memory, and the operations that treat each row of a batch separately.
#include "backend/cuda/cuda_backend.h"

#include <algorithm>
#include <cstdlib>

#include "backend/cuda/device_code.h"
#include "backend/cuda/device_landing.h"
#include "backend/cuda/kernels/routing.h"
#include "backend/cuda/tensors.h"
#include "base/error.h"
#include "base/machine.h"

namespace ferrum {

using namespace cuda;

namespace {

// FERRUM_CUDA_LIBRARY: another library than the system's driver. It may have kernels of its own, as the
// emulator's has.
const char* other_library() { return std::getenv("FERRUM_CUDA_LIBRARY"); }

std::span<const void* const> images() {
  static const void* const kOfLibrary[] = {""};
  if (other_library() != nullptr) return kOfLibrary;
  return device_code();
}

size_t default_workspace(const Device& device) {
  return std::clamp(device.free_bytes() / 64, size_t{4} << 20, size_t{256} << 20);
}

}  // namespace

CudaBackend::CudaBackend(const CudaOptions& options)
    : CudaBackend(options, other_library() == nullptr ? load_driver() : load_driver(other_library()),
                  images()) {}

CudaBackend::CudaBackend(const CudaOptions& options, const Driver& driver,
                         std::span<const void* const> images)
    : options_(options),
      device_(driver, options.device, images),
      pool_(options.threads > 0 ? options.threads : default_thread_count()),
      staging_(device_),
      workspace_(device_, options.workspace > 0 ? options.workspace : default_workspace(device_)),
      graphs_(device_) {
  check(options.input_parts == 1 || options.input_parts == 2, "an input of one or two parts");
}

CudaBackend::~CudaBackend() = default;

std::string CudaBackend::name() const {
  return fmt::format("cuda ({}, {} activations)", device_.name(),
                     options_.input_parts == 1 ? "bf16" : "two-part bf16");
}

std::string CudaBackend::arithmetic() const {
  return fmt::format("cuda, sm_{}, {} bf16 activations", device_.capability(), options_.input_parts);
}

DeviceInfo CudaBackend::device() const {
  return {device_.name(),
          fmt::format("sm_{}", device_.capability()),
          device_.multiprocessors(),
          device_.memory(),
          device_.read_bandwidth(),
          device_.operations()};
}

std::unique_ptr<Buffer> CudaBackend::allocate(size_t bytes) {
  auto buffer = std::make_unique<DeviceBuffer>(device_, std::max<size_t>(bytes, 1));
  if (options_.clears_memory)
    device_.check(device_.driver().cuMemsetD8Async(reinterpret_cast<DevicePointer>(buffer->data()), 0,
                                                   buffer->bytes(), device_.stream()),
                  "clearing memory");
  return buffer;
}

std::unique_ptr<Weight> CudaBackend::pack(const WeightSource& source) {
  if (source.use == WeightUse::kMultiply && source.groups > kMostExperts)
    fail(ErrorCode::kUnsupported, "{} has {} experts; the CUDA backend takes up to {} in a layer",
         in_quotes(source.parts[0][0].name), source.groups, kMostExperts);
  auto weight = std::make_unique<CudaWeight>(source, device_, pool_);
  if (const size_t least = least_workspace(source); least > workspace_.bytes()) {
    graphs_.clear();  // they have its address
    workspace_.reserve(least);
  }
  return weight;
}

size_t CudaBackend::kernel_memory_for(std::span<const WeightSource> weights) const {
  size_t most = workspace_.bytes();
  for (const WeightSource& source : weights) most = std::max(most, least_workspace(source));
  return most;
}

size_t CudaBackend::growth_of(std::span<const WeightSource> weights) const {
  size_t packed = 0, stored = 0;
  for (const WeightSource& source : weights) {
    packed += bytes_on_device(source);
    for (const WeightSource::Part& part : source.parts)
      for (const HostTensor& tensor : part)
        stored += row_bytes(tensor.format, static_cast<size_t>(tensor.elements()));
  }
  return packed - std::min(packed, stored);
}

void CudaBackend::upload(Tensor dst, std::span<const std::byte> src) {
  const size_t row = static_cast<size_t>(dst.cols) * size_of(dst.dtype);
  check_equal(src.size(), row * static_cast<size_t>(dst.rows), "bytes uploaded");
  if (src.empty()) return;
  leave_graph();
  const bool is_contiguous = dst.stride == dst.cols || dst.rows == 1;
  const size_t pieces = is_contiguous ? 1 : static_cast<size_t>(dst.rows), bytes = src.size() / pieces;
  for (size_t i = 0; i < pieces; ++i)
    staging_.copy(reinterpret_cast<DevicePointer>(dst.address(static_cast<int>(i), 0)),
                  src.subspan(i * bytes, bytes));
}

std::unique_ptr<Landing> CudaBackend::landing(size_t bytes) {
  return std::make_unique<cuda::DeviceLanding>(device_, bytes, [this] { leave_graph(); });
}

void CudaBackend::download(std::span<std::byte> dst, Tensor src) {
  const size_t row = static_cast<size_t>(src.cols) * size_of(src.dtype);
  check_equal(dst.size(), row * static_cast<size_t>(src.rows), "bytes downloaded");
  leave_graph();
  const bool is_contiguous = src.stride == src.cols || src.rows == 1;
  const size_t pieces = is_contiguous ? 1 : static_cast<size_t>(src.rows), bytes = dst.size() / pieces;
  for (size_t i = 0; i < pieces && !dst.empty(); ++i)
    staging_.fetch(dst.subspan(i * bytes, bytes),
                   reinterpret_cast<DevicePointer>(src.address(static_cast<int>(i), 0)));
}

void CudaBackend::synchronize() {
  leave_graph();
  device_.synchronize();
}

void CudaBackend::leave_graph() {
  if (graphs_.is_recording()) graphs_.flush();
}

void CudaBackend::run(const StepShape&, const std::function<void()>& body) {
  if (graphs_.is_recording()) return body();
  graphs_.begin();
  try {
    body();
  } catch (...) {
    graphs_.abandon();
    throw;
  }
  graphs_.end();
}

void CudaBackend::embed(Tensor out, const Weight& table, Tensor tokens) {
  const CudaWeight& w = as_cuda(table);
  check_equal(out.cols, w.cols(), "embedding width");
  if (out.rows == 0) return;
  for (const CudaWeight::Segment& s : w.segments())
    launch(s.format->embed, {divided_up(w.units(), kUnitsOfEmbed), out.rows}, 4 * kUnitsOfEmbed,
           Embed{s.tiles, rows_of(out), integers_of(tokens), s.order, w.cols(), s.first_row});
}

void CudaBackend::norm(Tensor out, Tensor x, const Norm& norm) {
  if (x.rows > 0)
    launch("norm_rows", {x.rows}, kRowThreads,
           NormRows{rows_of(out), {}, rows_of(x), x.cols, 0, weights_of(norm)}, kRowThreads / 8);
}

void CudaBackend::add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) {
  if (x.rows > 0)
    launch("norm_rows", {x.rows}, kRowThreads,
           NormRows{rows_of(out), rows_of(residual), rows_of(x), x.cols, scale, weights_of(norm)},
           kRowThreads / 8);
}

void CudaBackend::add(Tensor to, Tensor x, float scale) {
  if (x.rows > 0)
    launch("add_rows", {divided_up(x.cols, kColumnThreads), x.rows}, kColumnThreads,
           AddRows{rows_of(to), rows_of(x), x.cols, scale, 0});
}

void CudaBackend::scale(Tensor x, float factor, float cap) {
  if (x.rows > 0)
    launch("scale_rows", {divided_up(x.cols, kColumnThreads), x.rows}, kColumnThreads,
           AddRows{rows_of(x), {}, x.cols, factor, cap});
}

void CudaBackend::apply_gate(Tensor x, Tensor gates, GateKind f) {
  check_equal(x.cols % gates.cols, 0, "columns left over after dividing by the gates");
  static_assert(static_cast<int>(GateKind::kItself) == kGateItself);
  if (x.rows > 0)
    launch("gate_rows", {divided_up(x.cols, kColumnThreads), x.rows}, kColumnThreads,
           GateRows{rows_of(x), rows_of(gates), x.cols, x.cols / gates.cols, static_cast<int>(f)});
}

void CudaBackend::gather_rows(Tensor out, Tensor x, Tensor rows) {
  if (out.rows > 0)
    launch("gather_rows", {divided_up(x.cols, kColumnThreads), out.rows}, kColumnThreads,
           MoveRows{rows_of(out), rows_of(x), integers_of(rows), x.cols});
}

void CudaBackend::scatter_rows(Tensor to, Tensor x, Tensor rows) {
  if (x.rows > 0)
    launch("scatter_rows", {divided_up(x.cols, kColumnThreads), x.rows}, kColumnThreads,
           MoveRows{rows_of(to), rows_of(x), integers_of(rows), x.cols});
}

void CudaBackend::pool(Tensor out, Tensor x, Tensor starts, Pooling how) {
  static_assert(static_cast<int>(Pooling::kLast) == kPoolLast);
  if (out.rows > 0)
    launch("pool_rows", {divided_up(x.cols, kColumnThreads), out.rows}, kColumnThreads,
           PoolRows{rows_of(out), rows_of(x), integers_of(starts), x.cols, static_cast<int>(how)});
}

void CudaBackend::activate(Tensor out, Tensor x, const Activation& activation) {
  check_equal(x.cols, activation.gated ? 2 * out.cols : out.cols, "columns before an activation");
  for (int first = 0; first < x.rows; first += kMostGridRows) {
    const int count = std::min(kMostGridRows, x.rows - first);
    launch("activate_rows", {divided_up(out.cols, kColumnThreads), count}, kColumnThreads,
           ActivateRows{rows_of(out.rows_at(first, count)), rows_of(x.rows_at(first, count)), out.cols,
                        params_of(activation)});
  }
}

// Parts of `count` rows each, a part onto another.
void CudaBackend::copy_parts(Tensor parts, int count, Tensor from_to) {
  if (parts.empty() || from_to.rows == 0) return;
  const size_t bytes = static_cast<size_t>(count) * static_cast<size_t>(parts.cols) * size_of(parts.dtype);
  check(parts.stride == parts.cols && bytes % 4 == 0, "parts that are whole words");
  const auto words = static_cast<int>(bytes / 4);
  launch("copy_words", {divided_up(words, kColumnThreads), from_to.rows}, kColumnThreads,
         CopyWords{static_cast<uint32_t*>(parts.data), words, integers_of(from_to), words});
}

void CudaBackend::copy_blocks(KvLayer kv, Tensor from_to) {
  for (const Tensor& t : {kv.k, kv.v, kv.k_scales, kv.v_scales})
    if (!t.empty()) copy_parts(t, t.rows / kv.blocks, from_to);
}

void CudaBackend::copy_states(StateLayer state, Tensor from_to) {
  for (const Tensor& t : {state.inputs, state.memory}) copy_parts(t, 1, from_to);
}

}  // namespace ferrum
