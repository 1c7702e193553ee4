#include "base/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <cstdlib>
#include <initializer_list>

#include "base/error.h"

namespace ferrum {
namespace {

constexpr std::array<Isa, kIsaCount> kRising = {Isa::kPortable, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512,
                                                Isa::kAvx512Bf16};

#if defined(__x86_64__)

struct Feature {
  std::string_view name;
  bool present;
};

void add_missing(std::string& missing, std::initializer_list<Feature> features) {
  for (const Feature& f : features)
    if (!f.present) missing += (missing.empty() ? "" : ", ") + std::string(f.name);
}

// Not every compiler's __builtin_cpu_supports knows this one. Its registers are AVX's.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

// __builtin_cpu_supports looks at CPUID and, for the wide registers, at XGETBV: an operating system that does
// not save them counts as a CPU that does not have them.
std::string missing_avx2() {
  __builtin_cpu_init();
  std::string missing;
  add_missing(missing, {{"AVX2", __builtin_cpu_supports("avx2") != 0},
                        {"FMA", __builtin_cpu_supports("fma") != 0},
                        {"F16C", has_f16c()}});
  return missing;
}

// Nor this one.
bool has_avx_vnni() {
  constexpr unsigned kAvxVnni = 1u << 4;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & kAvxVnni) != 0;
}

std::string missing_avxvnni() {
  std::string missing = missing_avx2();
  add_missing(missing, {{"AVX-VNNI", has_avx_vnni()}});
  return missing;
}

std::string missing_avx512() {
  std::string missing = missing_avx2();
  add_missing(missing, {{"AVX512F", __builtin_cpu_supports("avx512f") != 0},
                        {"AVX512BW", __builtin_cpu_supports("avx512bw") != 0},
                        {"AVX512VL", __builtin_cpu_supports("avx512vl") != 0},
                        {"AVX512DQ", __builtin_cpu_supports("avx512dq") != 0},
                        {"AVX512VNNI", __builtin_cpu_supports("avx512vnni") != 0}});
  return missing;
}

std::string missing_avx512bf16() {
  std::string missing = missing_avx512();
  add_missing(missing, {{"AVX512BF16", __builtin_cpu_supports("avx512bf16") != 0}});
  return missing;
}

#else

std::string missing_avx2() { return "the x86-64 architecture"; }
std::string missing_avxvnni() { return "the x86-64 architecture"; }
std::string missing_avx512() { return "the x86-64 architecture"; }
std::string missing_avx512bf16() { return "the x86-64 architecture"; }

#endif

}  // namespace

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return "portable";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avxvnni";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Bf16:
      return "avx512bf16";
  }
  return "?";
}

std::optional<Isa> isa_named(std::string_view name) {
  for (const Isa isa : kRising)
    if (name_of(isa) == name) return isa;
  return std::nullopt;
}

std::string missing_for(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return "";
    case Isa::kAvx2:
      return missing_avx2();
    case Isa::kAvxVnni:
      return missing_avxvnni();
    case Isa::kAvx512:
      return missing_avx512();
    case Isa::kAvx512Bf16:
      return missing_avx512bf16();
  }
  return "";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> available;
  for (const Isa isa : kRising)
    if (missing_for(isa).empty()) available.push_back(isa);
  return available;
}

Isa best_isa() { return choose_isa(std::nullopt); }

Isa choose_isa(std::optional<std::string_view> wish, std::string (*missing)(Isa)) {
  if (!wish || wish->empty()) {
    Isa best = Isa::kPortable;
    for (const Isa isa : kRising)
      if (missing(isa).empty()) best = isa;
    return best;
  }
  const std::optional<Isa> isa = isa_named(*wish);
  if (!isa)
    fail(ErrorCode::kBadArgument,
         "instruction set {} (FERRUM_CPU_ISA): there are portable, avx2, avxvnni, avx512 and avx512bf16",
         in_quotes(*wish));
  if (const std::string lacking = missing(*isa); !lacking.empty())
    fail(ErrorCode::kUnsupported, "instruction set {} (FERRUM_CPU_ISA): this CPU lacks {}", name_of(*isa),
         lacking);
  return *isa;
}

Isa selected_isa() {
  static const Isa selected = [] {
    const char* wish = std::getenv("FERRUM_CPU_ISA");
    return choose_isa(wish ? std::optional<std::string_view>(wish) : std::nullopt);
  }();
  return selected;
}

}  // namespace ferrum
