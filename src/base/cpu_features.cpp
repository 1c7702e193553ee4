#include "base/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <array>
#include <cstdlib>
#include <initializer_list>

#include "base/error.h"
#include "base/isa_choice.h"

namespace ferrum {
namespace {

constexpr std::array<Isa, kIsaCount> kRising = {Isa::kPortable, Isa::kAvx2,       Isa::kAvxVnni,
                                                Isa::kAvx512,   Isa::kAvx512Bf16, Isa::kAmx,
                                                Isa::kNeon,     Isa::kDotProd,    Isa::kI8mm};

struct Feature {
  std::string_view name;
  bool present;
};

[[maybe_unused]] void add_missing(std::string& missing, std::initializer_list<Feature> features) {
  for (const Feature& f : features)
    if (!f.present) missing += (missing.empty() ? "" : ", ") + std::string(f.name);
}

#if defined(__x86_64__)

// Not every compiler's __builtin_cpu_supports knows F16C. It uses the registers of AVX.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

// __builtin_cpu_supports reads CPUID and, for the wide registers, XGETBV: a feature whose registers the
// operating system does not save counts as missing.
std::string missing_avx2() {
  __builtin_cpu_init();
  std::string missing;
  add_missing(missing, {{"AVX2", __builtin_cpu_supports("avx2") != 0},
                        {"FMA", __builtin_cpu_supports("fma") != 0},
                        {"F16C", has_f16c()}});
  return missing;
}

// Nor does every compiler know AVX-VNNI.
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

// The operating system saves tiles only for processes that ask for it, before the first use.
bool may_use_tiles() {
  static const bool allowed = [] {
    constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM, Linux 5.16
    constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return allowed;
}

std::string missing_amx() {
  constexpr unsigned kBf16 = 1u << 22;
  constexpr unsigned kTile = 1u << 24;
  constexpr unsigned kInt8 = 1u << 25;
  std::string missing = missing_avx512bf16();
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) d = 0;
  add_missing(
      missing,
      {{"AMX-TILE", (d & kTile) != 0}, {"AMX-INT8", (d & kInt8) != 0}, {"AMX-BF16", (d & kBf16) != 0}});
  if (missing.empty() && !may_use_tiles())
    missing = "the operating system's permission to use AMX's tiles (Linux 5.16)";
  return missing;
}

#else

std::string missing_avx2() { return "the x86-64 architecture"; }
std::string missing_avxvnni() { return missing_avx2(); }
std::string missing_avx512() { return missing_avx2(); }
std::string missing_avx512bf16() { return missing_avx2(); }
std::string missing_amx() { return missing_avx2(); }

#endif

#if defined(__aarch64__)

std::string missing_neon() {
  std::string missing;
  add_missing(missing, {{"ASIMD", (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0}});
  return missing;
}

std::string missing_dotprod() {
  std::string missing = missing_neon();
  add_missing(missing, {{"DotProd", (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0}});
  return missing;
}

std::string missing_i8mm() {
  std::string missing = missing_dotprod();
  add_missing(missing, {{"I8MM", (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0},
                        {"BF16", (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0}});
  return missing;
}

#else

std::string missing_neon() { return "the 64-bit ARM architecture"; }
std::string missing_dotprod() { return missing_neon(); }
std::string missing_i8mm() { return missing_neon(); }

#endif

std::string all_names() {
  std::string names;
  for (const Isa isa : kRising) {
    if (!names.empty()) names += isa == kRising.back() ? " and " : ", ";
    names += name_of(isa);
  }
  return names;
}

std::optional<Isa>& forced_isa() {
  static std::optional<Isa> isa;
  return isa;
}

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
    case Isa::kAmx:
      return "amx";
    case Isa::kNeon:
      return "neon";
    case Isa::kDotProd:
      return "dotprod";
    case Isa::kI8mm:
      return "i8mm";
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
    case Isa::kAmx:
      return missing_amx();
    case Isa::kNeon:
      return missing_neon();
    case Isa::kDotProd:
      return missing_dotprod();
    case Isa::kI8mm:
      return missing_i8mm();
  }
  return "";
}

bool has_kernels(Isa isa) {
  constexpr std::string_view kLeftOut = " " FERRUM_KERNELS_LEFT_OUT " ";
  return kLeftOut.find(" " + std::string(name_of(isa)) + " ") == std::string_view::npos;
}

std::vector<Isa> available_isas() {
  std::vector<Isa> available;
  for (const Isa isa : kRising)
    if (has_kernels(isa) && missing_for(isa).empty()) available.push_back(isa);
  return available;
}

Isa best_isa() { return choose_isa(std::nullopt); }

Isa choose_isa(std::optional<std::string_view> wish, std::string (*missing)(Isa)) {
  if (!wish || wish->empty()) {
    Isa best = Isa::kPortable;
    for (const Isa isa : kRising)
      if (has_kernels(isa) && missing(isa).empty()) best = isa;
    return best;
  }
  const std::optional<Isa> isa = isa_named(*wish);
  if (!isa)
    fail(ErrorCode::kBadArgument, "instruction set {} (--isa or FERRUM_CPU_ISA): unknown; expected one of {}",
         in_quotes(*wish), all_names());
  if (const std::string lacking = missing(*isa); !lacking.empty())
    fail(ErrorCode::kUnsupported, "instruction set {} (--isa or FERRUM_CPU_ISA): this CPU lacks {}",
         name_of(*isa), lacking);
  if (!has_kernels(*isa))
    fail(ErrorCode::kUnsupported,
         "instruction set {} (--isa or FERRUM_CPU_ISA): this build has no kernels for it; FERRUM_KERNELS=all "
         "./dev build compiles all",
         name_of(*isa));
  return *isa;
}

std::string_view products_of(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return "portable code";
    case Isa::kAvx2:
      return "VPMADDUBSW in 256 bits";
    case Isa::kAvxVnni:
      return "VPDPBUSD in 256 bits";
    case Isa::kAvx512:
      return "VPDPBUSD in 512 bits";
    case Isa::kAvx512Bf16:
      return "VPDPBUSD and VDPBF16PS in 512 bits";
    case Isa::kAmx:
      return "TDPBSSD and TDPBF16PS in tiles, VPDPBUSD in 512 bits";
    case Isa::kNeon:
      return "SMLAL in 128 bits";
    case Isa::kDotProd:
      return "SDOT in 128 bits";
    case Isa::kI8mm:
      return "SDOT, SMMLA and BFDOT in 128 bits";
  }
  return "?";
}

void force_isa(std::optional<std::string_view> name) {
  forced_isa() = name ? std::optional<Isa>(choose_isa(name)) : std::nullopt;
}

Isa selected_isa() {
  if (const std::optional<Isa> forced = forced_isa()) return *forced;
  static const Isa selected = [] {
    const char* wish = std::getenv("FERRUM_CPU_ISA");
    return choose_isa(wish ? std::optional<std::string_view>(wish) : std::nullopt);
  }();
  return selected;
}

}  // namespace ferrum
