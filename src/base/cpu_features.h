// The instruction sets that kernels are compiled for, and the one in use.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum {

// For each architecture in ascending order: the best is the last one that the CPU supports.
enum class Isa : uint8_t {
  kPortable,  // the baseline of the architecture, without intrinsics
  // x86-64:
  kAvx2,        // AVX2, FMA, F16C
  kAvxVnni,     // kAvx2 and AVX-VNNI
  kAvx512,      // kAvx2 and AVX-512 F, BW, VL, DQ, VNNI
  kAvx512Bf16,  // kAvx512 and AVX-512 BF16
  kAmx,         // kAvx512Bf16 and AMX with tiles of bytes and bf16
  // 64-bit ARM:
  kNeon,     // Advanced SIMD as in ARMv8.0
  kDotProd,  // kNeon and the dot products of bytes (SDOT)
  kI8mm,     // kDotProd and the matrix products of bytes (SMMLA) and bf16 (BFDOT)
};
inline constexpr int kIsaCount = 9;

std::string_view name_of(Isa isa);
std::optional<Isa> isa_named(std::string_view name);  // inverse of name_of

// The features of `isa` that this CPU or its operating system lacks, separated by ", "; empty if it can run.
// For an instruction set of another architecture, the name of that architecture.
std::string missing_for(Isa isa);

// Whether this build has kernels for it: FERRUM_KERNELS in cmake/kernels.cmake. Always so for kPortable.
bool has_kernels(Isa isa);

// Those that this CPU can run and that this build has kernels for.
std::vector<Isa> available_isas();  // ascending, never empty
Isa best_isa();

// The instruction set named by `wish`, the value of FERRUM_CPU_ISA; nullopt or empty: the best. Throws
// kBadArgument for an unknown name, and kUnsupported with the missing features that `missing` returns, or
// where this build has no kernels for it.
Isa choose_isa(std::optional<std::string_view> wish, std::string (*missing)(Isa) = missing_for);

// The choice for this process, made from the environment at the first call. Throws as choose_isa does.
Isa selected_isa();

}  // namespace ferrum
