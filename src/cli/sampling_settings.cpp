#include "cli/sampling_settings.h"

#include <fmt/core.h>

#include <sstream>

#include "base/error.h"
#include "cli/options.h"

namespace ferrum::cli {
namespace {

using Values = SamplingSetting::Values;

template <auto member>
SamplingSetting number(const char* name, const char* flags, const char* help) {
  return {
      name,
      flags,
      help,
      Values::kOne,
      [](SamplingOptions& o, std::span<const std::string> values) { set_number(o.*member, values.front()); },
      [](const SamplingOptions& o) { return fmt::format("{}", o.*member); }};
}

void set_seed(SamplingOptions& o, std::span<const std::string> values) {
  uint64_t seed = 0;
  set_number(seed, values.front());
  o.seed = seed;
}

// "15043-1.5 2+3": token ids and what to add to their logits.
void set_logit_bias(SamplingOptions& o, std::span<const std::string> values) {
  o.logit_bias.clear();
  for (const std::string& value : values) {
    std::istringstream words(value);
    for (std::string word; words >> word;) {
      const size_t sign = word.find_first_of("+-", 1);
      if (sign == std::string::npos)
        fail(ErrorCode::kBadArgument,
             "{} is not a logit bias: a token's id, + or -, a number, as in 15043-1.5", in_quotes(word));
      int32_t id = 0;
      float bias = 0;
      set_number(id, word.substr(0, sign));
      set_number(bias, word.substr(word[sign] == '+' ? sign + 1 : sign));
      o.logit_bias[id] = bias;
    }
  }
}

std::string show_logit_bias(const SamplingOptions& o) {
  std::string text;
  for (const auto& [id, bias] : o.logit_bias)
    text += fmt::format("{}{}{:+}", text.empty() ? "" : " ", id, bias);
  return text.empty() ? "none" : text;
}

void set_dry_breakers(SamplingOptions& o, std::span<const std::string> values) {
  o.dry_breakers.assign(values.begin(), values.end());
}

std::string show_dry_breakers(const SamplingOptions& o) {
  std::string text;
  for (const std::string& s : o.dry_breakers) text += (text.empty() ? "" : " ") + in_quotes(s);
  return text.empty() ? "none" : text;
}

}  // namespace

const std::vector<SamplingSetting>& sampling_settings() {
  using O = SamplingOptions;
  static const std::vector<SamplingSetting> kSettings = {
      number<&O::temperature>("temperature", "--temperature,--temp", "0: always the most likely token"),
      number<&O::top_k>("top_k", "--top-k", "Only the k most likely tokens; 0: off"),
      number<&O::typical_p>("typical_p", "--typical",
                            "Locally typical sampling: only the most typical tokens that make up p; 1: off"),
      number<&O::top_p>("top_p", "--top-p", "Only the most likely tokens that make up p; 1: off"),
      number<&O::min_p>("min_p", "--min-p",
                        "Only tokens at least p times as likely as the likeliest; 0: off"),
      number<&O::xtc_probability>("xtc_probability", "--xtc-probability",
                                  "Probability of removing the most likely tokens; 0: off"),
      number<&O::xtc_threshold>("xtc_threshold", "--xtc-threshold",
                                "Minimum probability of removed tokens; the least likely of them stays"),
      number<&O::mirostat>("mirostat", "--mirostat",
                           "Version 1 or 2, replaces top-k and later samplers; 0: off"),
      number<&O::mirostat_tau>("mirostat_tau", "--mirostat-tau,--mirostat-ent",
                               "Target surprise, in bits per token"),
      number<&O::mirostat_eta>("mirostat_eta", "--mirostat-eta,--mirostat-lr", "Learning rate of mirostat"),
      number<&O::repetition_penalty>("repetition_penalty", "--repetition-penalty,--repeat-penalty",
                                     "Above 1: recent tokens become less likely"),
      number<&O::repetition_window>("repetition_window", "--repetition-window,--repeat-last-n",
                                    "Number of recent tokens penalised; -1: all"),
      number<&O::presence_penalty>("presence_penalty", "--presence-penalty",
                                   "Penalty for tokens in the answer; 0: off"),
      number<&O::frequency_penalty>("frequency_penalty", "--frequency-penalty",
                                    "Penalty per occurrence in the answer; 0: off"),
      number<&O::dry_multiplier>("dry_multiplier", "--dry-multiplier",
                                 "Penalty for repeated token sequences; 0: off"),
      number<&O::dry_base>("dry_base", "--dry-base", "Growth of the penalty with their length"),
      number<&O::dry_allowed_length>("dry_allowed_length", "--dry-allowed-length",
                                     "Length of repetitions without a penalty"),
      number<&O::dry_window>("dry_window", "--dry-penalty-last-n",
                             "Number of recent tokens searched for repetitions; -1: all"),
      {"dry_breakers", "--dry-sequence-breaker", "Text that ends a repetition; may be given several times",
       Values::kMany, set_dry_breakers, show_dry_breakers},
      {"logit_bias", "--logit-bias",
       "ID+B or ID-B: added to a token's logit, e.g. 15043-1.5, or -inf: never; may be repeated",
       Values::kMany, set_logit_bias, show_logit_bias},
      {"seed", "--seed", "The same seed gives the same text", Values::kOne, set_seed,
       [](const O& o) { return o.seed ? std::to_string(*o.seed) : "random"; }},
  };
  return kSettings;
}

}  // namespace ferrum::cli
