#include "hub/offers.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/ascii.h"
#include "base/error.h"
#include "base/human_bytes.h"

namespace ferrum::hub {
namespace {

// Files that belong to a model besides its weights; README.md has the licence.
constexpr std::array<std::string_view, 19> kCompanions = {"config.json",
                                                          "generation_config.json",
                                                          "tokenizer.json",
                                                          "tokenizer.model",
                                                          "tokenizer_config.json",
                                                          "special_tokens_map.json",
                                                          "added_tokens.json",
                                                          "vocab.json",
                                                          "merges.txt",
                                                          "vocab.txt",
                                                          "chat_template.jinja",
                                                          "chat_template.json",
                                                          "quantize_config.json",
                                                          "quant_config.json",
                                                          "model.safetensors.index.json",
                                                          "modules.json",
                                                          "sentence_bert_config.json",
                                                          "config_sentence_transformers.json",
                                                          "README.md"};

// In order of preference; other types are only picked by name.
constexpr std::array<std::string_view, 37> kUsual = {
    "Q4_K_M",  "Q4_0",   "Q8_0",  "UD-Q4_K_XL", "Q5_K_M", "Q4_K_S",  "IQ4_XS",    "IQ4_NL",
    "Q6_K",    "Q5_K_S", "Q5_0",  "Q4_1",       "Q5_1",   "MXFP4",   "MXFP4_MOE", "Q3_K_M",
    "Q3_K_L",  "IQ3_M",  "IQ3_S", "Q3_K_S",     "IQ3_XS", "IQ3_XXS", "Q2_K",      "IQ2_M",
    "Q2_K_S",  "BF16",   "F16",   "F32",        "Q4_K",   "Q5_K",    "IQ2_S",     "IQ2_XS",
    "IQ2_XXS", "IQ1_M",  "IQ1_S", "TQ2_0",      "TQ1_0"};

// A file of a module of sentence-transformers, which has a folder of its own: "1_Pooling/config.json".
bool is_of_module(std::string_view file) {
  const size_t digits = file.find_first_not_of("0123456789");
  const size_t slash = file.find('/');
  if (digits == 0 || slash == file.npos || digits >= slash || file[digits] != '_') return false;
  const std::string_view name = file.substr(slash + 1);
  return name == "config.json" || name == "model.safetensors";
}

bool is_beside_the_point(std::string_view file) {
  const std::string name = to_lower(file.substr(file.rfind('/') + 1));
  return name.find("mmproj") != name.npos || name.find("imatrix") != name.npos;
}

void add(Offer& offer, const RepoFile& file) {
  offer.files.push_back(file);
  offer.bytes += file.bytes;
}

void add_ggufs(std::span<const RepoFile> files, std::vector<Offer>& offers) {
  struct Parts {
    int expected = 1;
    std::map<int, const RepoFile*> found;
  };
  std::map<std::pair<std::string, int>, Parts> sets;
  for (const RepoFile& file : files) {
    if (!is_gguf(file.name) || is_beside_the_point(file.name)) continue;
    const SplitName split = split_name_of(file.name);
    Parts& parts = sets[{split.stem, split.parts}];
    parts.expected = split.parts;
    parts.found[split.part] = &file;
  }
  for (const auto& [stem, parts] : sets) {
    if (static_cast<int>(parts.found.size()) != parts.expected) continue;
    Offer& offer = offers.emplace_back();
    for (const auto& [part, file] : parts.found) add(offer, *file);
    offer.type = type_of_file(offer.files.front().name);
  }
}

void add_safetensors(std::span<const RepoFile> files, std::vector<Offer>& offers) {
  constexpr std::string_view kEnd = ".safetensors";
  const auto find = [&](std::string_view name) {
    return std::find_if(files.begin(), files.end(), [&](const RepoFile& file) { return file.name == name; });
  };
  if (find("config.json") == files.end()) return;
  Offer offer = {.kind = Offer::Kind::kSafetensors};
  if (const auto whole = find("model.safetensors"); whole != files.end()) {
    add(offer, *whole);
  } else {
    int expected = 0;
    for (const RepoFile& file : files) {
      if (!file.name.starts_with("model-") || !file.name.ends_with(kEnd)) continue;
      const SplitName split = split_name_of(file.name.substr(0, file.name.size() - kEnd.size()));
      if (split.stem != "model") continue;
      expected = split.parts;
      add(offer, file);
    }
    if (offer.files.empty() || static_cast<int>(offer.files.size()) != expected) return;
  }
  for (const std::string_view name : kCompanions)
    if (const auto companion = find(name); companion != files.end()) add(offer, *companion);
  for (const RepoFile& file : files)
    if (is_of_module(file.name)) add(offer, file);
  offers.push_back(std::move(offer));
}

const Offer* of_type(std::span<const Offer> offers, std::string_view type) {
  const Offer* found = nullptr;
  for (const Offer& offer : offers) {
    if (offer.type != type) continue;
    if (found) return nullptr;  // ambiguous
    found = &offer;
  }
  return found;
}

}  // namespace

std::vector<Offer> offers_of(std::span<const RepoFile> files) {
  std::vector<Offer> offers;
  add_ggufs(files, offers);
  add_safetensors(files, offers);
  return offers;
}

const Offer* pick(std::span<const Offer> offers, const ModelName& name) {
  if (!name.file.empty()) {
    for (const Offer& offer : offers)
      if (offer.kind == Offer::Kind::kGguf &&
          std::any_of(offer.files.begin(), offer.files.end(),
                      [&](const RepoFile& f) { return f.name == name.file; }))
        return &offer;
    return nullptr;
  }
  if (name.type == kSafetensors)
    return !offers.empty() && offers.back().kind == Offer::Kind::kSafetensors ? &offers.back() : nullptr;
  if (!name.type.empty()) {
    const Offer* const exact = of_type(offers, name.type);
    return exact ? exact : of_type(offers, "UD-" + name.type);
  }
  if (offers.size() == 1) return &offers.front();
  for (const std::string_view type : kUsual)
    if (const Offer* const usual = of_type(offers, type)) return usual;
  if (!offers.empty() && offers.back().kind == Offer::Kind::kSafetensors) return &offers.back();
  return nullptr;
}

std::string suffix_of(std::span<const Offer> offers, const Offer& offer) {
  if (offer.kind == Offer::Kind::kSafetensors)
    return offers.size() == 1 ? "" : ":" + std::string(kSafetensors);
  if (!offer.type.empty() && of_type(offers, offer.type) == &offer) return ":" + offer.type;
  return ":" + offer.files.front().name;
}

std::string offers_text(std::span<const Offer> offers) {
  if (offers.empty()) return "nothing that can be run";
  std::string text;
  for (const Offer& offer : offers) {
    const std::string suffix = suffix_of(offers, offer);
    std::string what = suffix.empty() ? std::string(kSafetensors) : suffix.substr(1);
    if (!is_type(what)) what = in_quotes(what);
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", what, human_bytes(offer.bytes));
  }
  return text;
}

}  // namespace ferrum::hub
