#include "models/alibi.h"

#include <bit>
#include <cmath>

namespace ferrum {

std::vector<float> alibi_slopes(int heads) {
  const int whole = static_cast<int>(std::bit_floor(static_cast<unsigned>(heads)));
  std::vector<float> slopes;
  for (int i = 0; i < heads; ++i) {
    const double step = i < whole ? i + 1 : i - whole + 0.5;
    slopes.push_back(static_cast<float>(std::exp2(-8 * step / whole)));
  }
  return slopes;
}

}  // namespace ferrum
