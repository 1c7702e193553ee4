#include "base/cpu_features.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "base/isa_choice.h"

namespace ferrum {
namespace {

TEST(CpuFeatures, EveryNameParsesBackToItsSet) {
  for (int i = 0; i < kIsaCount; ++i) EXPECT_EQ(isa_named(name_of(static_cast<Isa>(i))), static_cast<Isa>(i));
  EXPECT_EQ(name_of(Isa::kPortable), "portable");
  EXPECT_EQ(name_of(Isa::kI8mm), "i8mm");
  EXPECT_FALSE(isa_named("AVX2"));
  EXPECT_FALSE(isa_named("avx2 "));
  EXPECT_FALSE(isa_named(""));
}

TEST(CpuFeatures, PortableIsAlwaysThereAndTheBestIsTheLast) {
  const std::vector<Isa> isas = available_isas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), Isa::kPortable);
  EXPECT_EQ(isas.back(), best_isa());
  for (const Isa isa : isas) EXPECT_EQ(choose_isa(name_of(isa)), isa);
}

// FERRUM_KERNELS=native leaves sets out; tests are built with all of the architecture.
TEST(CpuFeatures, EverySetOfTheArchitectureHasKernels) {
  for (int i = 0; i < kIsaCount; ++i) EXPECT_TRUE(has_kernels(static_cast<Isa>(i))) << i;
}

TEST(CpuFeatures, NoWishMeansTheBest) {
  EXPECT_EQ(choose_isa(std::nullopt), best_isa());
  EXPECT_EQ(choose_isa(""), best_isa());
}

TEST(CpuFeatures, ASetCanBeForcedAndGivenBack) {
  const Isa before = selected_isa();
  force_isa("portable");
  EXPECT_EQ(selected_isa(), Isa::kPortable);
  EXPECT_THROW(force_isa("sse9"), Error);
  EXPECT_EQ(selected_isa(), Isa::kPortable);
  force_isa(std::nullopt);
  EXPECT_EQ(selected_isa(), before);
}

TEST(CpuFeatures, EverySetSaysWhatItMultipliesWith) {
  std::set<std::string_view> said;
  for (int i = 0; i < kIsaCount; ++i) said.insert(products_of(static_cast<Isa>(i)));
  EXPECT_EQ(said.size(), static_cast<size_t>(kIsaCount));
  EXPECT_FALSE(said.contains("?"));
}

TEST(CpuFaults, B59_AnInstructionSetThatIsNone) {
  try {
    choose_isa("sse9");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadArgument);
    EXPECT_STREQ(error.what(),
                 "instruction set 'sse9' (--isa or FERRUM_CPU_ISA): unknown; expected one of portable, avx2, "
                 "avxvnni, avx512, "
                 "avx512bf16, amx, neon, "
                 "dotprod and i8mm");
  }
}

TEST(CpuFaults, B59_AnInstructionSetThatTheCpuLacks) {
  const auto old_cpu = [](Isa isa) -> std::string { return isa == Isa::kPortable ? "" : "AVX2, FMA"; };
  try {
    choose_isa("avx512", old_cpu);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_STREQ(error.what(), "instruction set avx512 (--isa or FERRUM_CPU_ISA): this CPU lacks AVX2, FMA");
  }
}

TEST(CpuFaults, B59_ACpuWithoutAvx2FallsBack) {
  const auto old_cpu = [](Isa isa) -> std::string { return isa == Isa::kPortable ? "" : "AVX2"; };
  EXPECT_EQ(choose_isa(std::nullopt, old_cpu), Isa::kPortable);
}

TEST(CpuFaults, B59_AnInstructionSetOfAnotherArchitecture) {
#if defined(__x86_64__)
  const std::vector<Isa> foreign = {Isa::kNeon, Isa::kDotProd, Isa::kI8mm};
  const std::string lacking = "the 64-bit ARM architecture";
#else
  const std::vector<Isa> foreign = {Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kAvx512Bf16, Isa::kAmx};
  const std::string lacking = "the x86-64 architecture";
#endif
  for (const Isa isa : foreign) EXPECT_EQ(missing_for(isa), lacking) << name_of(isa);
}

}  // namespace
}  // namespace ferrum
