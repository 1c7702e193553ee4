#include "cli/input.h"

#include <fstream>
#include <iostream>
#include <iterator>

#include "base/error.h"
#include "base/mapped_file.h"

namespace ferrum::cli {

std::string read_all(const std::filesystem::path& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  if (!std::filesystem::is_fifo(path)) return std::string(MappedFile::open(path)->text());
  std::ifstream pipe(path, std::ios::binary);
  if (!pipe) fail(ErrorCode::kIo, "cannot open {}", path.string());
  return {std::istreambuf_iterator<char>(pipe), {}};
}

}  // namespace ferrum::cli
