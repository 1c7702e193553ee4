// The instruction sets that kernels are compiled for, and the one that this process uses.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum {

// In rising order for each architecture: the best is the last that the CPU has.
enum class Isa : uint8_t {
  kPortable,  // what every CPU of the architecture has, and nothing but what the compiler makes of it
  // x86-64
  kAvx2,        // AVX2, FMA, F16C
  kAvxVnni,     // kAvx2 and AVX-VNNI
  kAvx512,      // kAvx2 and AVX-512 F, BW, VL, DQ, VNNI
  kAvx512Bf16,  // kAvx512 and AVX-512 BF16
  // 64-bit ARM
  kNeon,     // Advanced SIMD as in ARMv8.0
  kDotProd,  // kNeon and the dot products of bytes (SDOT)
  kI8mm,     // kDotProd and the matrix products of bytes (SMMLA) and bf16 (BFDOT)
};
inline constexpr int kIsaCount = 8;

std::string_view name_of(Isa isa);
std::optional<Isa> isa_named(std::string_view name);  // as name_of has them

// Features that `isa` needs and this CPU, or its operating system, does not offer, separated by ", "; empty
// if it can run. Of a set of another architecture, that architecture is missing.
std::string missing_for(Isa isa);

std::vector<Isa> available_isas();  // rising, never empty
Isa best_isa();

// What FERRUM_CPU_ISA asks for (`wish`; none or empty: the best). Errors: kBadArgument for a name that is
// none, kUnsupported naming the features that the CPU lacks, which `missing` tells.
Isa choose_isa(std::optional<std::string_view> wish, std::string (*missing)(Isa) = missing_for);

// The choice for this process, made from the environment on the first call. Errors as choose_isa.
Isa selected_isa();

}  // namespace ferrum
