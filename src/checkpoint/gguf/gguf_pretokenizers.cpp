#include "checkpoint/gguf/gguf_pretokenizers.h"

namespace ferrum {
namespace {

// Named after the model that had them first.
enum class Family {
  kAfmoe,
  kBailing,
  kBloom,
  kChameleon,
  kDeepseekCoder,
  kDeepseekLlm,
  kDeepseekV3,
  kDefault,
  kExaoneMoe,
  kFalcon,
  kGpt2,
  kGpt4o,
  kJais2,
  kKimiK2,
  kLaguna,
  kLlama3,
  kMinicpm5,
  kQwen2,
  kQwen35,
  kSeedCoder,
  kSpark,
  kStarcoder,
  kSuperbpe,
  kTekken,
  kTinyAya,
  kUfakzeka,
  kViking,
  kYoutu,
};

// Pieces that many patterns share.
const std::string kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const std::string kContractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const std::string kWord = R"([^\r\n\p{L}\p{N}]?\p{L}+)";
const std::string kSpaces = R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string kSymbols = R"( ?[^\s\p{L}\p{N}]+[\r\n]*|)" + kSpaces;
const std::string kSymbolsAndSlashes = R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|)" + kSpaces;
const std::string kDeepseekWord =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+)";
const std::string kHanAndKana = R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
const std::string kEastAsian = R"([\x{4E00}-\x{9FA5}\x{0800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
// All but the stops at which the BLOOM family cuts.
const std::string kBetweenStops =
    R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{0964}\x{06D4}\x{060C})]+)";
const std::string kCasedLetters =
    R"(\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
    R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F})"
    R"(\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481})"
    R"(\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA})"
    R"(\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D})"
    R"(\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D})"
    R"(\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC})"
    R"(\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102})"
    R"(\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126})"
    R"(\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149})"
    R"(\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE})"
    R"(\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787})"
    R"(\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A})"
    R"(\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})"
    R"(\x{1E900}-\x{1E943})";

// A word of one capitalisation, with what may follow it. `without`: letters that are no part of it.
std::string cased_word(const std::string& ending, const std::string& without = "") {
  const std::string upper = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M})" + without + "]";
  const std::string lower = R"([\p{Ll}\p{Lm}\p{Lo}\p{M})" + without + "]";
  const std::string mark = R"([^\r\n\p{L}\p{N}]?)";
  return mark + upper + "*" + lower + "+" + ending + "|" + mark + upper + "+" + lower + "*" + ending + "|";
}

std::vector<std::string> patterns_of(Family family) {
  switch (family) {
    case Family::kGpt2:
      return {kGpt2};
    case Family::kStarcoder:
      return {R"(\p{N})", kGpt2};
    case Family::kFalcon:
      return {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"};
    case Family::kDefault:
      return {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"};
    case Family::kLlama3:
      return {kContractions + "|" + kWord + R"(|\p{N}{1,3}|)" + kSymbols};
    case Family::kQwen2:
      return {kContractions + "|" + kWord + R"(|\p{N}|)" + kSymbols};
    case Family::kMinicpm5:
      return {R"(\p{N}{1,3})", kContractions + "|" + kWord + R"(|\p{N}+|)" + kSymbols};
    case Family::kLaguna:
      return {R"([^\n]+|[\n]+)", kContractions + "|" + kWord + R"(|\p{N}|)" + kSymbols};
    case Family::kUfakzeka:
      return {kWord + R"(|\p{N}|)" + kSymbols};
    case Family::kQwen35:
      return {kContractions + R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" +
              kSpaces};
    case Family::kSeedCoder:
      return {kContractions + "|" + kWord + R"(|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|)" + kSpaces};
    case Family::kBailing:
      return {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|)"
              R"(\s+(?!\S)|\s+)"};
    case Family::kExaoneMoe:
      return {kContractions + R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}|)"
                              R"( ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"};
    case Family::kJais2:
      return {kContractions + "|" + kWord +
              R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|)"
              R"(\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|)"
              R"(\s{1,2}(?!\S)|\s{1})"};
    case Family::kTekken:
      return {cased_word("") + R"(\p{N}|)" + kSymbolsAndSlashes};
    case Family::kGpt4o:
      return {cased_word(kContractions + "?") + R"(\p{N}{1,3}|)" + kSymbolsAndSlashes};
    case Family::kTinyAya:
      return {R"(\d{1,3}(?=(?:\d{3})*\b))",
              cased_word(kContractions + "?") + R"(\p{N}{1,3}|)" + kSymbolsAndSlashes};
    case Family::kKimiK2:
      return {R"([\p{Han}]+|)" + cased_word(kContractions + "?", R"(&&[^\p{Han}])") + R"(\p{N}{1,3}|)" +
              kSymbols};
    case Family::kYoutu:
      return {
          R"([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+|)"
          R"([\x{FF01}\x{2026}\x{201C}\x{201D}\x{2018}\x{2019}\x{2014}\x{FF1A}\x{FF1B}\x{FF0C}\x{3001}-\x{303F}\x{FE30}-\x{FE4F}]+|)"
          R"([\x{3105}-\x{312F}]+|)" +
              kHanAndKana,
          cased_word(kContractions + "?") + R"(\p{N}|)" + kSymbolsAndSlashes};
    case Family::kDeepseekLlm:
      return {R"([\r\n])",
              R"(\s?[A-Za-z)" + kCasedLetters + "]+",
              R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)",
              R"(\s+$)",
              kEastAsian,
              R"(\p{N}+)"};
    case Family::kDeepseekCoder:
      return {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kEastAsian, R"(\p{N})"};
    case Family::kDeepseekV3:
      return {R"(\p{N}{1,3})", kHanAndKana, kDeepseekWord + R"([\r\n]*|)" + kSpaces};
    case Family::kSpark:
      return {R"(\p{N}{1,3})", kHanAndKana, kDeepseekWord + R"(|[\r\n]|\s+(?!\S)|\s+)", R"(\p{N})"};
    case Family::kAfmoe:
      return {R"(\d{1,3}(?=(?:\d{3})*(?!\d)))",
              R"([\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{F900}-\x{FAFF}\x{3040}-\x{309F}\x{30A0}-\x{30FF})"
              R"(\x{FF65}-\x{FF9F}\x{2F00}-\x{2FDF}\x{0E40}-\x{0E7F}\x{0E80}-\x{0EFF}\x{1780}-\x{17FF})"
              R"(\x{1000}-\x{109F}\x{AA60}-\x{AA7F}\x{A9E0}-\x{A9FF}\x{AC00}-\x{D7AF}\x{1100}-\x{11FF}]+)",
              kDeepseekWord + R"([\r\n]*|)" + kSpaces};
    case Family::kBloom:
      return {kBetweenStops};
    case Family::kViking:
      return {kBetweenStops, R"(\p{N})"};
    case Family::kChameleon:
      return {"<sentinel:[0-9]+>",       "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
              R"(([\t\n]|    |  ))",     R"(\p{N})",
              R"([\p{P}!-/:-@\[-`{-~])", kGpt2};
    case Family::kSuperbpe:
      return {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"};
  }
  return {};
}

struct Habits {
  bool ignore_merges = false;
  bool add_bos = false;
  bool nfc = false;
};
constexpr Habits kPlain{};
constexpr Habits kWholeTokens{.ignore_merges = true};
constexpr Habits kLlama3Habits{.ignore_merges = true, .add_bos = true};
constexpr Habits kNfc{.nfc = true};

struct Entry {
  std::string_view name;
  Family family;
  Habits habits;
};
constexpr Entry kEntries[] = {
    {"default", Family::kDefault, kPlain},
    {"gpt-2", Family::kGpt2, kPlain},
    {"phi-2", Family::kGpt2, kPlain},
    {"jina-es", Family::kGpt2, kPlain},
    {"jina-de", Family::kGpt2, kPlain},
    {"jina-v1-en", Family::kGpt2, kPlain},
    {"jina-v2-es", Family::kGpt2, kPlain},
    {"jina-v2-de", Family::kGpt2, kPlain},
    {"jina-v2-code", Family::kGpt2, kPlain},
    {"roberta-bpe", Family::kGpt2, kPlain},
    {"gigachat", Family::kGpt2, kPlain},
    {"a.x-4.0", Family::kGpt2, kPlain},
    {"mellum", Family::kGpt2, kPlain},
    {"modern-bert", Family::kGpt2, kNfc},
    {"exaone4", Family::kGpt2, kPlain},
    {"mpt", Family::kGpt2, kPlain},
    {"olmo", Family::kGpt2, kPlain},
    {"jais", Family::kGpt2, kPlain},
    {"trillion", Family::kGpt2, kPlain},
    {"granite-docling", Family::kGpt2, kPlain},
    {"starcoder", Family::kStarcoder, kPlain},
    {"refact", Family::kStarcoder, kPlain},
    {"command-r", Family::kStarcoder, kPlain},
    {"smollm", Family::kStarcoder, kPlain},
    {"codeshell", Family::kStarcoder, kPlain},
    {"exaone", Family::kStarcoder, kPlain},
    {"minerva-7b", Family::kStarcoder, kPlain},
    {"mellum2", Family::kStarcoder, kPlain},
    {"llama3", Family::kLlama3, kLlama3Habits},
    {"llama-v3", Family::kLlama3, kLlama3Habits},
    {"llama-bpe", Family::kLlama3, kLlama3Habits},
    {"falcon3", Family::kLlama3, kLlama3Habits},
    {"falcon-h1", Family::kLlama3, kLlama3Habits},
    {"pixtral", Family::kLlama3, kLlama3Habits},
    {"midm-2.0", Family::kLlama3, kLlama3Habits},
    {"lfm2", Family::kLlama3, kLlama3Habits},
    {"jina-v5-nano", Family::kLlama3, kLlama3Habits},
    {"dbrx", Family::kLlama3, kPlain},
    {"smaug-bpe", Family::kLlama3, kPlain},
    {"glm4", Family::kLlama3, kPlain},
    {"chatglm-bpe", Family::kLlama3, kPlain},
    {"jais-2", Family::kJais2, kPlain},
    {"qwen2", Family::kQwen2, kNfc},
    {"qwen35", Family::kQwen35, kNfc},
    {"deepseek-r1-qwen", Family::kQwen2, kPlain},
    {"kormo", Family::kQwen2, kPlain},
    {"f2llmv2", Family::kQwen2, kPlain},
    {"megrez", Family::kQwen2, kPlain},
    {"stablelm2", Family::kQwen2, kPlain},
    {"hunyuan", Family::kQwen2, kPlain},
    {"solar-open", Family::kQwen2, kPlain},
    {"grok-2", Family::kQwen2, kPlain},
    {"ufakzeka", Family::kUfakzeka, kPlain},
    {"deepseek-llm", Family::kDeepseekLlm, kPlain},
    {"deepseek-coder", Family::kDeepseekCoder, kPlain},
    {"deepseek-v3", Family::kDeepseekV3, kPlain},
    {"hunyuan-dense", Family::kDeepseekV3, kPlain},
    {"joyai-llm", Family::kDeepseekV3, kPlain},
    {"hy_v4", Family::kDeepseekV3, kPlain},
    {"spark2_5", Family::kSpark, kPlain},
    {"afmoe", Family::kAfmoe, kPlain},
    {"youtu", Family::kYoutu, kWholeTokens},
    {"tekken", Family::kTekken, kLlama3Habits},
    {"gpt-4o", Family::kGpt4o, kPlain},
    {"llama4", Family::kGpt4o, kPlain},
    {"kanana2", Family::kGpt4o, kPlain},
    {"talkie", Family::kGpt4o, kPlain},
    {"minimax-m2", Family::kGpt4o, kPlain},
    {"granite-embed-multi-97m", Family::kGpt4o, kWholeTokens},
    {"tiny_aya", Family::kTinyAya, kPlain},
    {"cohere2moe", Family::kTinyAya, kPlain},
    {"kimi-k2", Family::kKimiK2, kPlain},
    {"falcon", Family::kFalcon, kPlain},
    {"bloom", Family::kBloom, kPlain},
    {"poro-chat", Family::kBloom, kPlain},
    {"gpt3-finnish", Family::kBloom, kPlain},
    {"viking", Family::kViking, kPlain},
    {"exaone-moe", Family::kExaoneMoe, kPlain},
    {"superbpe", Family::kSuperbpe, kPlain},
    {"bailingmoe", Family::kBailing, kPlain},
    {"bailingmoe2", Family::kBailing, kPlain},
    {"llada-moe", Family::kBailing, kPlain},
    {"seed-coder", Family::kSeedCoder, kPlain},
    {"laguna", Family::kLaguna, kPlain},
    {"minicpm5", Family::kMinicpm5, kWholeTokens},
    {"chameleon", Family::kChameleon, {.add_bos = true}},
};

constexpr std::string_view kMarkedSpaces[] = {"gemma4", "granite-embed-multi-311m", "sarvam-moe"};

}  // namespace

std::optional<GgufPretokenizer> find_gguf_pretokenizer(std::string_view name) {
  for (const Entry& entry : kEntries)
    if (entry.name == name)
      return GgufPretokenizer{.patterns = patterns_of(entry.family),
                              .ignore_merges = entry.habits.ignore_merges,
                              .add_bos = entry.habits.add_bos,
                              .nfc = entry.habits.nfc};
  for (const std::string_view marked : kMarkedSpaces)
    if (marked == name) return GgufPretokenizer{.add_bos = name == "gemma4", .sentencepiece_style = true};
  return std::nullopt;
}

std::string known_gguf_pretokenizers() {
  std::string names;
  for (const Entry& entry : kEntries) (names += names.empty() ? "" : ", ") += entry.name;
  for (const std::string_view name : kMarkedSpaces) (names += ", ") += name;
  return names;
}

}  // namespace ferrum
