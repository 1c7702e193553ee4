// Ferrum's version.
#pragma once

namespace ferrum::cli {

extern const char* const kVersion;  // "0.1.0", from CMakeLists.txt

}  // namespace ferrum::cli
