#include "server/api/sampler_list.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"

namespace ferrum::server {
namespace {

using Options = SamplingOptions;

struct Stage {
  std::array<std::string_view, 5> names;  // the first one is used in messages
  char letter;
  bool (*is_on)(const Options&);
  void (*turn_off)(Options&);
};

bool never(const Options& /*options*/) { return false; }
void keep(Options& /*options*/) {}

// In the order of SamplingOptions. The names are those of llama.cpp (common/sampling.cpp).
constexpr std::array<Stage, 8> kStages{{
    {{"penalties"},
     'e',
     [](const Options& o) {
       return o.repetition_penalty != 1 || o.presence_penalty != 0 || o.frequency_penalty != 0;
     },
     [](Options& o) { o.repetition_penalty = 1, o.presence_penalty = o.frequency_penalty = 0; }},
    {{"dry"},
     'd',
     [](const Options& o) { return o.dry_multiplier != 0; },
     [](Options& o) { o.dry_multiplier = 0; }},
    // The most likely token stays the most likely one, wherever the others stand.
    {{"temperature", "temp"},
     't',
     [](const Options& o) { return o.temperature != 1 && o.temperature != 0; },
     [](Options& o) { o.temperature = 1; }},
    {{"top_k", "top-k"}, 'k', [](const Options& o) { return o.top_k > 0; }, [](Options& o) { o.top_k = 0; }},
    {{"typ_p", "typical_p", "typical", "typ-p", "typ"},
     'y',
     [](const Options& o) { return o.typical_p < 1; },
     [](Options& o) { o.typical_p = 1; }},
    {{"top_p", "top-p", "nucleus"},
     'p',
     [](const Options& o) { return o.top_p < 1; },
     [](Options& o) { o.top_p = 1; }},
    {{"min_p", "min-p"}, 'm', [](const Options& o) { return o.min_p > 0; }, [](Options& o) { o.min_p = 0; }},
    {{"xtc"},
     'x',
     [](const Options& o) { return o.xtc_probability > 0; },
     [](Options& o) { o.xtc_probability = 0; }},
}};
// Without a counterpart. The first two are off, since the fields that turn them on are refused.
constexpr std::array<Stage, 3> kOthers{{{{"top_n_sigma"}, 's', never, keep},
                                        {{"adaptive_p"}, 'a', never, keep},
                                        {{"infill"}, 'i', never, keep}}};

const Stage* find_stage(std::string_view name, bool is_letter) {
  const auto is_meant = [&](const Stage& stage) {
    return is_letter ? stage.letter == name.front()
                     : std::ranges::find(stage.names, name) != stage.names.end();
  };
  for (const Stage& stage : kStages)
    if (is_meant(stage)) return &stage;
  for (const Stage& stage : kOthers)
    if (is_meant(stage)) return &stage;
  return nullptr;
}

}  // namespace

void read_samplers(Fields& body, SamplingOptions& sampling) {
  constexpr const char* kField = "samplers";
  const Json* const given = body.find(kField);
  if (given == nullptr || *given == "" || *given == Json::array()) return;
  std::vector<std::string> names;
  if (given->is_string())
    for (const char letter : given->get_ref<const std::string&>()) names.emplace_back(1, letter);
  else
    names = body.texts(kField).value_or(names);
  std::vector<const Stage*> listed;
  for (const std::string& name : names) {
    const Stage* const stage = name.empty() ? nullptr : find_stage(name, given->is_string());
    if (stage == nullptr)
      return body.refuse_value(kField, fmt::format("{}: there is no sampler {}", kField, in_quotes(name)));
    listed.push_back(stage);
    if (stage == &kOthers.back()) body.hint(kField);
  }
  if (sampling.mirostat != 0) return;  // takes the place of all of them
  for (const Stage& stage : kStages)
    if (std::ranges::find(listed, &stage) == listed.end()) stage.turn_off(sampling);
  const Stage* before = nullptr;  // addresses of kStages are in its order
  for (const Stage* const stage : listed) {
    if (!stage->is_on(sampling)) continue;
    if (before != nullptr && before >= stage)
      return body.refuse_value(
          kField,
          fmt::format("{}: {} cannot come behind {}; the order is penalties, dry, temperature, top_k, "
                      "typ_p, top_p, min_p, xtc",
                      kField, stage->names[0], before->names[0]));
    before = stage;
  }
}

}  // namespace ferrum::server
