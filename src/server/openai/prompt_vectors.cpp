#include "server/openai/prompt_vectors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "base/base64.h"
#include "server/api/budget.h"

namespace ferrum::server::openai {
namespace {

static_assert(std::endian::native == std::endian::little, "float32 comes as it lies in memory");

constexpr const char* kName = "prompt_embeds";

MixedPrompt prompt_of(std::vector<float> values, const std::string& path, int hidden) {
  if (values.empty() || values.size() % static_cast<size_t>(hidden) != 0)
    server::refuse(path, "{} has {} numbers; they must be rows of {}", path, values.size(), hidden);
  return {.parts = {{.ids = {}, .vectors = std::move(values)}}};
}

MixedPrompt decoded(const std::string& text, const std::string& path, int hidden) {
  const std::optional<std::string> bytes = decode_base64(text);
  if (!bytes || bytes->size() % sizeof(float) != 0)
    server::refuse(path, "{} must be base64 of float32 numbers", path);
  if (bytes->starts_with("PK"))
    server::refuse(
        path, "{} is a file of torch.save, which may hold programs; send base64 of the numbers alone", path);
  std::vector<float> values(bytes->size() / sizeof(float));
  std::memcpy(values.data(), bytes->data(), bytes->size());
  return prompt_of(std::move(values), path, hidden);
}

MixedPrompt read_rows(const Json& rows, const std::string& path, int hidden) {
  std::vector<float> values;
  for (const Json& row : rows) {
    const bool is_row = row.is_array() && row.size() == static_cast<size_t>(hidden) &&
                        std::ranges::all_of(row, [](const Json& x) { return x.is_number(); });
    if (!is_row) server::refuse(path, "{} must be rows of {} numbers", path, hidden);
    for (const Json& x : row) values.push_back(x.get<float>());
  }
  return prompt_of(std::move(values), path, hidden);
}

}  // namespace

std::vector<Prompt> read_prompt_vectors(Fields& body, const Engine& engine) {
  const Json* const field = body.find(kName);
  if (!field) return {};
  const int hidden = engine.info().hidden;
  if (field->is_string()) return {decoded(field->get<std::string>(), kName, hidden)};
  if (!field->is_array() || field->empty())
    server::refuse(
        kName, "{} must be base64 of float32 numbers, rows of numbers, or an array of such strings", kName);
  if (!field->front().is_string()) return {read_rows(*field, kName, hidden)};
  if (field->size() > kMostResults)
    server::refuse(kName, "{} must have at most {} prompts, not {}", kName, kMostResults, field->size());
  std::vector<Prompt> prompts;
  for (size_t i = 0; i < field->size(); ++i) {
    const std::string path = fmt::format("{}[{}]", kName, i);
    if (!(*field)[i].is_string()) server::refuse(path, "{} must be a string, as the first is", path);
    prompts.emplace_back(decoded((*field)[i].get<std::string>(), path, hidden));
  }
  return prompts;
}

}  // namespace ferrum::server::openai
