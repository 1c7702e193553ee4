// The architectures that Ferrum runs.
#include <array>

#include "checkpoint/architecture.h"

namespace ferrum {

extern const Architecture kLlama, kMistral, kMinistral3, kMixtral, kQwen2, kQwen2Moe, kQwen3, kQwen3Moe,
    kQwen2Vl, kQwen3Vl, kQwen3VlMoe, kOlmo2, kOlmo3, kOlmoe, kPhi3, kGemma, kGemma2, kGemma3, kGranite,
    kGraniteMoe, kGptOss, kSmolLm3, kSeedOss, kErnie45, kErnie45Moe, kHunyuanDense, kHunyuanMoe, kHyV3, kGlm4,
    kGlm4Moe, kMiniMaxM2, kCohere2, kExaone4, kExaoneMoe, kStarCoder2, kMellum, kAfmoe, kLaguna, kArcee,
    kApertus, kMimoV2, kMuseGlimmer, kQwen3Next, kQwen35, kQwen35Moe, kGemma4, kLfm2, kLfm2Moe, kLfm3,
    kDeepseek2, kDeepseek3, kGlm4MoeLite, kMistral4, kKimiLinear, kNemotronH, kNemotronHMoe, kGraniteHybrid,
    kBamba, kFalconH1, kBert, kRoberta, kNomicBert, kNomicBertMoe, kJinaBertV2, kJinaBertV3, kGte,
    kModernBert, kGemmaEmbedding, kGlm, kCohere, kNemotron, kStableLm, kPhi, kDots1, kCwm, kInternLm3,
    kHelium, kExaone, kSolarOpen, kVaultGemma, kMiniCpm3, kMiniCpm, kGptNeoX, kInternLm2, kMamba2, kOlmo,
    kFalcon, kBailingMoe2, kLlama4, kPhiMoe, kGpt2, kStarCoder, kStep35;

namespace registry {

constexpr std::array kAll = {
    &kLlama,      &kMistral,        &kMinistral3,    &kMixtral,     &kQwen2,      &kQwen2Moe,
    &kQwen3,      &kQwen3Moe,       &kQwen2Vl,       &kQwen3Vl,     &kQwen3VlMoe, &kOlmo2,
    &kOlmo3,      &kOlmoe,          &kPhi3,          &kGemma,       &kGemma2,     &kGemma3,
    &kGranite,    &kGraniteMoe,     &kGptOss,        &kSmolLm3,     &kSeedOss,    &kErnie45,
    &kErnie45Moe, &kHunyuanDense,   &kHunyuanMoe,    &kHyV3,        &kGlm4,       &kGlm4Moe,
    &kMiniMaxM2,  &kCohere2,        &kExaone4,       &kExaoneMoe,   &kStarCoder2, &kMellum,
    &kAfmoe,      &kLaguna,         &kArcee,         &kApertus,     &kMimoV2,     &kMuseGlimmer,
    &kQwen3Next,  &kQwen35,         &kQwen35Moe,     &kGemma4,      &kLfm2,       &kLfm2Moe,
    &kLfm3,       &kDeepseek2,      &kDeepseek3,     &kGlm4MoeLite, &kMistral4,   &kKimiLinear,
    &kNemotronH,  &kNemotronHMoe,   &kGraniteHybrid, &kBamba,       &kFalconH1,   &kBert,
    &kRoberta,    &kNomicBert,      &kNomicBertMoe,  &kJinaBertV2,  &kJinaBertV3, &kGte,
    &kModernBert, &kGemmaEmbedding, &kGlm,           &kCohere,      &kNemotron,   &kStableLm,
    &kPhi,        &kDots1,          &kCwm,           &kInternLm3,   &kHelium,     &kExaone,
    &kSolarOpen,  &kVaultGemma,     &kMiniCpm3,      &kMiniCpm,     &kGptNeoX,    &kInternLm2,
    &kMamba2,     &kOlmo,           &kFalcon,        &kBailingMoe2, &kLlama4,     &kPhiMoe,
    &kGpt2,       &kStarCoder,      &kStep35,
};

}  // namespace registry

std::span<const Architecture* const> architectures() { return registry::kAll; }

const Architecture* architecture_named(std::string_view name) {
  for (const Architecture* a : registry::kAll)
    if (a->name == name) return a;
  return nullptr;
}

std::string_view name_of(const Architecture& architecture) { return architecture.name; }

}  // namespace ferrum
