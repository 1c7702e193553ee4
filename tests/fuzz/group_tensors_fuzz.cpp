// Weights of GPTQ and AWQ checkpoints: whatever the tensors of a safetensors file, weights whose rows can be
// made, or an Error. The first byte chooses how they are said to be quantised.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "base/error.h"
#include "checkpoint/safetensors/group_tensors.h"

namespace {

using namespace ferrum;

GroupQuantization quantization_of(uint8_t choice) {
  constexpr int kSizes[] = {0, -1, 32, 128};
  return {.layout = choice & 1 ? GroupLayout::kAwq : GroupLayout::kGptq,
          .group_size = kSizes[choice >> 1 & 3],
          .added_to_zeros = choice >> 3 & 1,
          .is_symmetric = (choice >> 4 & 1) != 0,
          .orders_columns = (choice >> 5 & 1) != 0,
          .has_exceptions = (choice >> 6 & 1) != 0};
}

void read(std::span<const std::byte> bytes, const GroupQuantization& quantization) {
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  files.push_back(SafetensorsFile::parse(bytes, "fuzz"));
  for (const HostTensor& t : group_tensors(files, quantization)) {
    check(t.byte_size() <= 16 * bytes.size(), "a weight no larger than what it is made of allows");
    std::vector<float> rows(static_cast<size_t>(t.cols()) * 17);
    const int64_t first = t.rows() / 3;
    decode_rows(t, first, std::min<int64_t>(17, t.rows() - first), rows.data());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  try {
    read(std::as_bytes(std::span(data + 1, size - 1)), quantization_of(data[0]));
  } catch (const Error&) {  // the one exception allowed
  }
  return 0;
}
