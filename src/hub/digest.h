// Content hashes, which name the blobs.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace ferrum::hub {

// 64 hexadecimal digits: SHA-256 of the contents, as in Git LFS. 40: SHA-1 of a git blob, which is "blob ",
// the size, a NUL and the contents (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects).
enum class HashKind { kSha256, kGitSha1 };
HashKind kind_of_hash(std::string_view hash);  // requires is_commit(hash)

// In hexadecimal. `progress` is called with the bytes read so far. Throws kIo.
std::string hash_of_file(const std::filesystem::path& file, HashKind kind,
                         const std::function<void(uint64_t done)>& progress = {});

}  // namespace ferrum::hub
