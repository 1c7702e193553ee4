// Operations that are still to come, each refused by its name.
#include "backend/cuda/cuda_backend.h"
#include "base/error.h"

namespace ferrum {
namespace {

[[noreturn]] void refuse(std::string_view operation) {
  fail(ErrorCode::kUnsupported, "the CUDA backend does not have {} yet", operation);
}

}  // namespace

void CudaBackend::draw(const DrawResults&, Tensor, const Draws&, int) { refuse("sampling"); }

}  // namespace ferrum
