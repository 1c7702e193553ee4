// Which Ferrum this is.
#pragma once

namespace ferrum::cli {

extern const char* const kVersion;  // "0.1.0", as CMakeLists.txt has it

}  // namespace ferrum::cli
