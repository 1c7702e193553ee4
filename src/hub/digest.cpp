#include "hub/digest.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/file_descriptor.h"

namespace ferrum::hub {
namespace {

constexpr size_t kPart = 1 << 20;

}  // namespace

HashKind kind_of_hash(std::string_view hash) {
  return hash.size() == 64 ? HashKind::kSha256 : HashKind::kGitSha1;
}

std::string hash_of_file(const std::filesystem::path& file, HashKind kind,
                         const std::function<void(uint64_t done)>& progress) {
  const auto refuse = [&] {
    fail(ErrorCode::kIo, "{}: cannot be read: {}", in_quotes(file.string()), std::strerror(errno));
  };
  const FileDescriptor in = open_regular_file(file);
  struct stat found {};
  if (::fstat(in.get(), &found) != 0) refuse();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  check(hash && EVP_DigestInit_ex(hash.get(), kind == HashKind::kSha256 ? EVP_sha256() : EVP_sha1(),
                                  nullptr) == 1,
        "OpenSSL has SHA-1 and SHA-256");
  if (kind == HashKind::kGitSha1) {
    const std::string header = fmt::format("blob {}", found.st_size);
    EVP_DigestUpdate(hash.get(), header.c_str(), header.size() + 1);
  }
  std::vector<char> part(kPart);
  for (uint64_t done = 0;;) {
    const ssize_t n = ::read(in.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse();
    if (n == 0) break;
    EVP_DigestUpdate(hash.get(), part.data(), static_cast<size_t>(n));
    if (progress) progress(done += static_cast<uint64_t>(n));
  }
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(hash.get(), bytes, &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

}  // namespace ferrum::hub
