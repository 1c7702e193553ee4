#include "engine/loop/current_error.h"

#include <new>

#include "base/error.h"

namespace ferrum {

ErrorEvent current_error() {
  try {
    throw;
  } catch (const Error& e) {
    return {std::string(name_of(e.code())), e.what()};
  } catch (const std::bad_alloc&) {
    return {std::string(name_of(ErrorCode::kNoMemory)), "the memory of this machine is used up: try again"};
  }
}

}  // namespace ferrum
