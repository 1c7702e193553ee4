#include "server/texts/result_format.h"

#include <fmt/format.h>

#include <bit>
#include <iterator>

#include "base/base64.h"

namespace ferrum::server::texts {

static_assert(std::endian::native == std::endian::little, "float32 is sent as it lies in memory");

void ResultFormat::take(size_t prompt, const Event& event, std::string& /*out*/) {
  if (const auto* result = std::get_if<TextResultEvent>(&event)) results_[result->text] = *result;
  // Of a model that generates text: state after state of a prompt.
  if (const auto* state = std::get_if<HiddenEvent>(&event)) {
    TextResultEvent& result = results_[prompt];
    result.rows = result.values.empty() ? 1 : result.rows + 1;
    result.values.insert(result.values.end(), state->values.begin(), state->values.end());
  }
  if (const auto* finish = std::get_if<FinishEvent>(&event)) tokens_ += finish->usage.prompt_tokens;
}

Json ResultFormat::usage() const { return {{"prompt_tokens", tokens_}, {"total_tokens", tokens_}}; }

void append_numbers(std::string& out, std::span<const float> values) {
  out += '[';
  for (size_t i = 0; i < values.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ",", values[i]);
  out += ']';
}

void append_rows(std::string& out, const TextResultEvent& result) {
  const size_t width = result.values.size() / static_cast<size_t>(result.rows);
  out += '[';
  for (size_t at = 0; at < result.values.size(); at += width) {
    if (at > 0) out += ',';
    append_numbers(out, std::span(result.values).subspan(at, width));
  }
  out += ']';
}

void append_base64(std::string& out, std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  out += '"' + encode_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}) + '"';
}

}  // namespace ferrum::server::texts
