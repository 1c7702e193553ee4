#include "cli/input.h"

#include <iostream>
#include <iterator>

#include "base/mapped_file.h"

namespace ferrum::cli {

std::string read_all(const std::filesystem::path& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  return std::string(MappedFile::open(path)->text());
}

}  // namespace ferrum::cli
