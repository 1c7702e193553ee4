#include "checkpoint/architectures/state_spaces.h"

#include <limits>

#include "base/error.h"

namespace ferrum {
namespace state_spaces {

using Role = TensorRole;

// A number, or infinity as transformers 5 writes it: {"__float__": "Infinity"}.
float limit_of(const JsonView& value) {
  if (!value.is_object()) return static_cast<float>(value.number());
  if (value.at("__float__").string() != "Infinity") value.refuse("is no limit");
  return std::numeric_limits<float>::infinity();
}

int head_dim(const HfReader& in, int heads, int width) {
  const auto field = in.config().find("mamba_d_head");
  if (!field || field->is_string()) {
    if (field && field->string() != "auto") field->refuse("must be a number or \"auto\"");
    if (heads < 1 || width % heads != 0)
      fail(ErrorCode::kBadConfig, "{} is {}, which do not share a width of {} evenly",
           in.config().place("mamba_n_heads"), heads, width);
    return width / heads;
  }
  const int dim = field->integer();
  if (int64_t{dim} * heads != width)
    fail(ErrorCode::kBadConfig, "{} is {}, but {} heads are {} wide together",
         in.config().place("mamba_d_head"), dim, heads, width);
  return dim;
}

}  // namespace state_spaces

StepLimits step_limits(const HfReader& in, std::string_view key, StepLimits usual) {
  const auto limits = in.config().find(key);
  if (!limits) return usual;
  if (!limits->is_array() || limits->size() != 2) limits->refuse("must be a list of two numbers");
  return {state_spaces::limit_of(limits->element(0)), state_spaces::limit_of(limits->element(1))};
}

StateSpaceDescription read_mamba(HfReader& in, int width) {
  const int heads = in.integer("mamba_n_heads", 128);
  const StepLimits limits = step_limits(in, "time_step_limit", {0, std::numeric_limits<float>::infinity()});
  in.biases("mamba_conv_bias", true, {state_spaces::Role::kConvolution});
  return {.heads = heads,
          .head_dim = state_spaces::head_dim(in, heads, width),
          .groups = in.integer("mamba_n_groups", 1),
          .state_dim = in.integer("mamba_d_state", 256),
          .kernel = in.integer("mamba_d_conv", 4),
          .step_min = limits.least,
          .step_max = limits.most,
          .decay_is_log = true};
}

StateSpaceDescription read_ssm(const GgufReader& in) {
  const auto number = [&](const char* key) { return in.integer(key).value_or(0); };
  const int heads = number("ssm.time_step_rank");
  const int width = number("ssm.inner_size");
  if (heads < 1 || width % heads != 0)
    fail(ErrorCode::kBadConfig,
         "{}: {} heads (ssm.time_step_rank) do not share a width of {} (ssm.inner_size) evenly",
         in.metadata().source(), heads, width);
  return {.heads = heads,
          .head_dim = width / heads,
          .groups = number("ssm.group_count"),
          .state_dim = number("ssm.state_size"),
          .kernel = number("ssm.conv_kernel")};
}

std::vector<bool> attending_layers(const HfReader& in, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const auto words = in.config().find_strings(key);
    if (!words) continue;
    if (words->size() != static_cast<size_t>(in.depth()))
      fail(ErrorCode::kBadConfig, "{} has {} entries, but there are {} layers", in.config().place(key),
           words->size(), in.depth());
    std::vector<bool> attends;
    for (const std::string& word : *words) {
      attends.push_back(word == "attention" || word == "full_attention");
      if (!attends.back() && word != "mamba" && word != "linear_attention")
        fail(ErrorCode::kUnsupported,
             "{} has {}; Ferrum runs 'mamba', also called 'linear_attention', and "
             "'attention', also called 'full_attention'",
             in.config().place(key), in_quotes(word));
    }
    return attends;
  }
  return {};
}

}  // namespace ferrum
