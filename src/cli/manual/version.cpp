#include "cli/manual/version.h"

namespace ferrum::cli {

const char* const kVersion = FERRUM_VERSION;

}  // namespace ferrum::cli
