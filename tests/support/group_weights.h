// Weights in groups of 4-bit integers of known values, written as GPTQ and AWQ tools write them: a second
// statement of the layouts, one integer at a time.
#pragma once
#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "support/file_bytes.h"
#include "tensor/half.h"

namespace ferrum::test {

struct GroupSpec {
  enum class Layout { kGptq, kGptqV2, kAwq };

  Layout layout = Layout::kGptq;
  int group = 128;         // -1: all of a row
  bool symmetric = false;  // all zeros are 8
  bool ordered = false;    // columns belong to groups at random
  bool with_zeros = true;
  bool with_index = true;  // g_idx, where the layout has it
  std::string scale_type = "F16";
};

struct GroupWeight {
  int rows = 0, cols = 0, group = 0;
  std::vector<int> quants;    // [cols, rows]
  std::vector<float> scales;  // [groups, rows], exact in F16 and BF16
  std::vector<int> zeros;     // [groups, rows]
  std::vector<int> group_of;  // [cols]

  // Values have a deviation of about 6.5 × scale.
  static GroupWeight random(int rows, int cols, const GroupSpec& spec, uint32_t seed, float scale = 0.01f) {
    GroupWeight w;
    w.rows = rows, w.cols = cols, w.group = spec.group == -1 ? cols : spec.group;
    std::mt19937 random(seed);
    const auto groups = static_cast<size_t>(cols / w.group);
    w.quants.resize(static_cast<size_t>(rows) * cols);
    for (int& q : w.quants) q = static_cast<int>(random() % 16);
    w.scales.resize(groups * rows);
    for (float& s : w.scales)
      s = float_from_bf16(bf16_from_float(scale * (0.5f + static_cast<float>(random() % 256) / 256)));
    w.zeros.resize(groups * rows);
    for (int& z : w.zeros) z = spec.symmetric ? 8 : static_cast<int>(random() % 16);
    w.group_of.resize(static_cast<size_t>(cols));
    for (int c = 0; c < cols; ++c) w.group_of[c] = c / w.group;
    if (spec.ordered) std::shuffle(w.group_of.begin(), w.group_of.end(), random);
    return w;
  }

  // [rows, cols]
  std::vector<float> values() const {
    std::vector<float> out(quants.size());
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < cols; ++c) {
        const int at = group_of[c] * rows + r;
        out[static_cast<size_t>(r) * cols + c] =
            scales[at] * static_cast<float>(quants[static_cast<size_t>(c) * rows + r] - zeros[at]);
      }
    return out;
  }

  std::string quant_bytes(const GroupSpec& spec) const {
    if (spec.layout == GroupSpec::Layout::kAwq) return words_of_rows(quants, true);
    std::string bytes;
    for (int c = 0; c < cols; c += 8)
      for (int r = 0; r < rows; ++r) {
        uint32_t word = 0;
        for (int k = 0; k < 8; ++k) word |= static_cast<uint32_t>(quants[(c + k) * rows + r]) << (4 * k);
        bytes += le(word);
      }
    return bytes;
  }
  std::string zero_bytes(const GroupSpec& spec) const {
    std::vector<int> stored = zeros;
    if (spec.layout == GroupSpec::Layout::kGptq)
      for (int& z : stored) z = (z + 15) % 16;
    return words_of_rows(stored, spec.layout == GroupSpec::Layout::kAwq);
  }
  std::string scale_bytes(const GroupSpec& spec) const {
    std::string bytes;
    for (const float s : scales)
      bytes += spec.scale_type == "F32"   ? le(s)
               : spec.scale_type == "F16" ? le(f16_from_float(s))
                                          : le(bf16_from_float(s));
    return bytes;
  }
  std::string index_bytes() const {
    std::string bytes;
    for (const int g : group_of) bytes += le<int32_t>(g);
    return bytes;
  }

  void add_to(SafetensorsBytes& file, const std::string& name, const GroupSpec& spec) const {
    const int64_t groups = cols / group;
    const bool is_awq = spec.layout == GroupSpec::Layout::kAwq;
    file.tensor(name + ".qweight",
                is_awq ? std::vector<int64_t>{cols, rows / 8} : std::vector<int64_t>{cols / 8, rows}, "I32",
                quant_bytes(spec));
    if (spec.with_zeros) file.tensor(name + ".qzeros", {groups, rows / 8}, "I32", zero_bytes(spec));
    file.tensor(name + ".scales", {groups, rows}, spec.scale_type, scale_bytes(spec));
    if (spec.with_index && !is_awq) file.tensor(name + ".g_idx", {cols}, "I32", index_bytes());
  }

 private:
  // [n, rows] to words of eight rows each.
  std::string words_of_rows(const std::vector<int>& values, bool awq_order) const {
    constexpr std::array<int, 8> kInOrder = {0, 1, 2, 3, 4, 5, 6, 7};
    constexpr std::array<int, 8> kAwqOrder = {0, 2, 4, 6, 1, 3, 5, 7};
    const std::array<int, 8>& order = awq_order ? kAwqOrder : kInOrder;
    std::string bytes;
    for (size_t first = 0; first < values.size(); first += 8) {
      uint32_t word = 0;
      for (size_t k = 0; k < 8; ++k)
        word |= static_cast<uint32_t>(values[first + static_cast<size_t>(order[k])]) << (4 * k);
      bytes += le(word);
    }
    return bytes;
  }
};

}  // namespace ferrum::test
