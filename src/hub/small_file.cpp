#include "hub/small_file.h"

#include "base/error.h"
#include "base/mapped_file.h"

namespace ferrum::hub {

std::optional<std::string> text_of_file(const std::filesystem::path& path) {
  try {
    return std::string(MappedFile::open(path)->text());
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kNotFound) throw;
    return std::nullopt;
  }
}

}  // namespace ferrum::hub
