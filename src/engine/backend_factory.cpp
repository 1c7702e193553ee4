#include "engine/backend_factory.h"

#include <charconv>
#include <optional>

#include "backend/cpu/cpu_backend.h"
#include "backend/cuda/cuda_backend.h"
#include "backend/observers/checking_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/error.h"

namespace ferrum {
namespace {

cpu::Activations parse_activations(const std::string& name) {
  if (name == "int8") return cpu::Activations::kInt8;
  if (name == "bf16") return cpu::Activations::kBf16;
  if (name == "f32") return cpu::Activations::kFloat32;
  fail(ErrorCode::kBadArgument, "activations {}: there are int8, bf16 and f32", in_quotes(name));
}

// The device of "cuda" and "cuda:1".
std::optional<int> cuda_device(std::string_view name) {
  if (!name.starts_with("cuda")) return std::nullopt;
  name.remove_prefix(4);
  if (name.empty()) return 0;
  int device = 0;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), device);
  if (name[0] != ':' || error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return device;
}

}  // namespace

std::unique_ptr<Backend> make_backend(const BackendOptions& options) {
  if (options.check) {
    BackendOptions plain = options;
    plain.check = false;
    CheckTolerances tolerances;
    if (options.name != "reference" && options.activations != "f32") {
      tolerances.product = kQuantizedProduct;
      tolerances.experts = 2 * kQuantizedProduct;
    }
    return std::make_unique<CheckingBackend>(make_backend(plain), CheckingBackend::OnDisagreement::kLog,
                                             tolerances);
  }
  if (options.threads < 0)
    fail(ErrorCode::kBadArgument, "threads must be 0 or more, not {}", options.threads);
  if (options.name == "cpu")
    return std::make_unique<CpuBackend>(
        CpuOptions{.threads = options.threads, .activations = parse_activations(options.activations)});
  if (options.name == "reference") return std::make_unique<ReferenceBackend>();
  if (const std::optional<int> device = cuda_device(options.name))
    return std::make_unique<CudaBackend>(CudaOptions{
        .device = *device,
        .input_parts = parse_activations(options.activations) == cpu::Activations::kFloat32 ? 2 : 1,
        .threads = options.threads});
  fail(ErrorCode::kBadArgument, "backend {}: there are cpu, cuda, cuda:1 and so on, and reference",
       in_quotes(options.name));
}

std::unique_ptr<SplitBackend> make_split_backend(const BackendOptions& options) {
  if (!cuda_device(options.name))
    fail(ErrorCode::kBadArgument, "--device-memory is that of a GPU, and needs --backend cuda, not {}",
         in_quotes(options.name));
  BackendOptions of_host = options;
  of_host.name = "cpu";
  return std::make_unique<SplitBackend>(make_backend(options), make_backend(of_host));
}

DType parse_kv_dtype(const std::string& name) {
  for (const DType type : {DType::kF16, DType::kBF16, DType::kF32, DType::kI8})
    if (name == name_of(type)) return type;
  fail(ErrorCode::kBadArgument, "kv-dtype {}: there are f16, bf16, f32 and int8", in_quotes(name));
}

}  // namespace ferrum
