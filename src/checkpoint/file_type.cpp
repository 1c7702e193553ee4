#include "checkpoint/file_type.h"

#include <array>

#include "base/ascii.h"

namespace ferrum {
namespace {

struct Entry {
  FileType type;
  std::string_view name;
  uint32_t number;
  Format main;
};

// In the order of the enumeration.
constexpr std::array<Entry, kFileTypeCount> kEntries = {{
    {FileType::kF32, "F32", 0, Format::kF32},
    {FileType::kF16, "F16", 1, Format::kF16},
    {FileType::kBF16, "BF16", 32, Format::kBF16},
    {FileType::kQ4_0, "Q4_0", 2, Format::kQ4_0},
    {FileType::kQ4_1, "Q4_1", 3, Format::kQ4_1},
    {FileType::kQ5_0, "Q5_0", 8, Format::kQ5_0},
    {FileType::kQ5_1, "Q5_1", 9, Format::kQ5_1},
    {FileType::kQ8_0, "Q8_0", 7, Format::kQ8_0},
    {FileType::kQ2_K, "Q2_K", 10, Format::kQ2_K},
    {FileType::kQ3_K_S, "Q3_K_S", 11, Format::kQ3_K},
    {FileType::kQ3_K_M, "Q3_K_M", 12, Format::kQ3_K},
    {FileType::kQ3_K_L, "Q3_K_L", 13, Format::kQ3_K},
    {FileType::kQ4_K_S, "Q4_K_S", 14, Format::kQ4_K},
    {FileType::kQ4_K_M, "Q4_K_M", 15, Format::kQ4_K},
    {FileType::kQ5_K_S, "Q5_K_S", 16, Format::kQ5_K},
    {FileType::kQ5_K_M, "Q5_K_M", 17, Format::kQ5_K},
    {FileType::kQ6_K, "Q6_K", 18, Format::kQ6_K},
    {FileType::kIQ4_NL, "IQ4_NL", 25, Format::kIQ4_NL},
    {FileType::kIQ4_XS, "IQ4_XS", 30, Format::kIQ4_XS},
    {FileType::kMXFP4_MOE, "MXFP4_MOE", 38, Format::kMXFP4},
    {FileType::kQ2_K_S, "Q2_K_S", 21, Format::kQ2_K},
    {FileType::kIQ1_S, "IQ1_S", 24, Format::kIQ1_S},
    {FileType::kIQ1_M, "IQ1_M", 31, Format::kIQ1_M},
    {FileType::kIQ2_XXS, "IQ2_XXS", 19, Format::kIQ2_XXS},
    {FileType::kIQ2_XS, "IQ2_XS", 20, Format::kIQ2_XS},
    {FileType::kIQ2_S, "IQ2_S", 28, Format::kIQ2_XS},
    {FileType::kIQ2_M, "IQ2_M", 29, Format::kIQ2_S},
    {FileType::kIQ3_XXS, "IQ3_XXS", 23, Format::kIQ3_XXS},
    {FileType::kIQ3_XS, "IQ3_XS", 22, Format::kIQ3_S},
    {FileType::kIQ3_S, "IQ3_S", 26, Format::kIQ3_S},
    {FileType::kIQ3_M, "IQ3_M", 27, Format::kIQ3_S},
    {FileType::kTQ1_0, "TQ1_0", 36, Format::kTQ1_0},
    {FileType::kTQ2_0, "TQ2_0", 37, Format::kTQ2_0},
}};

const Entry& entry_of(FileType type) { return kEntries[static_cast<size_t>(type)]; }

}  // namespace

std::string_view name_of(FileType type) { return entry_of(type).name; }
uint32_t gguf_number(FileType type) { return entry_of(type).number; }

std::optional<FileType> file_type_numbered(uint64_t number) {
  for (const Entry& e : kEntries)
    if (e.number == number) return e.type;
  return std::nullopt;
}
Format main_format(FileType type) { return entry_of(type).main; }

std::optional<FileType> file_type_named(std::string_view name) {
  for (const Entry& entry : kEntries)
    if (is_same_word(entry.name, name)) return entry.type;
  if (is_same_word(name, "MXFP4")) return FileType::kMXFP4_MOE;
  return std::nullopt;
}

std::string file_type_names() {
  std::string names;
  for (const Entry& entry : kEntries) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

}  // namespace ferrum
