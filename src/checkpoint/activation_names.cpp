#include "checkpoint/activation_names.h"

#include <array>
#include <optional>

#include "base/ascii.h"
#include "base/error.h"

namespace ferrum {
namespace {

// Names in transformers' ACT2FN. Those that Ferrum does not compute are listed so that a refusal can say what
// the name means.
struct NamedActivation {
  std::string_view name;
  std::string_view meaning;
  std::optional<ActivationFunction> function;
};
constexpr std::array kActivations = {
    NamedActivation{"silu", "SiLU", ActivationFunction::kSilu},
    NamedActivation{"swish", "SiLU", ActivationFunction::kSilu},
    NamedActivation{"gelu", "GELU", ActivationFunction::kGelu},
    NamedActivation{"gelu_python", "GELU", ActivationFunction::kGelu},
    NamedActivation{"gelu_new", "GELU in its tanh approximation", ActivationFunction::kGeluTanh},
    NamedActivation{"gelu_fast", "GELU in its tanh approximation", ActivationFunction::kGeluTanh},
    NamedActivation{"gelu_accurate", "GELU in its tanh approximation", ActivationFunction::kGeluTanh},
    NamedActivation{"gelu_pytorch_tanh", "GELU in its tanh approximation", ActivationFunction::kGeluTanh},
    NamedActivation{"gelu_python_tanh", "GELU in its tanh approximation", ActivationFunction::kGeluTanh},
    NamedActivation{"relu2", "squared ReLU", ActivationFunction::kReluSquared},
    NamedActivation{"xielu", "xIELU", ActivationFunction::kXielu},
    NamedActivation{"quick_gelu", "GELU in its sigmoid approximation", std::nullopt},
    NamedActivation{"gelu_10", "GELU, clipped to -10 and 10", std::nullopt},
    NamedActivation{"relu", "ReLU", std::nullopt},
    NamedActivation{"relu6", "ReLU, clipped to 6", std::nullopt},
};

}  // namespace

ActivationFunction activation_named(std::string_view name, std::string_view place) {
  std::string_view meaning;
  for (const NamedActivation& a : kActivations) {
    if (!is_same_word(a.name, name)) continue;
    if (a.function) return *a.function;
    meaning = a.meaning;
  }
  fail(
      ErrorCode::kUnsupported,
      "{} is {}{}; Ferrum runs 'silu', also called 'swish', 'gelu', 'gelu_pytorch_tanh', 'relu2' and 'xielu'",
      place, in_quotes(name), meaning.empty() ? "" : fmt::format(" ({})", meaning));
}

}  // namespace ferrum
