#include "base/file_descriptor.h"

#include <sys/stat.h>
#include <unistd.h>

namespace ferrum {

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

bool is_still_at(int descriptor, const std::filesystem::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace ferrum
