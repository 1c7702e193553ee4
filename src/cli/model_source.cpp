#include "cli/model_source.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/ascii.h"
#include "base/error.h"
#include "cli/confirm.h"
#include "cli/notes.h"
#include "cli/pull_model.h"
#include "cli/similar.h"
#include "hub/cache.h"
#include "hub/settings.h"

namespace ferrum::cli {
namespace {

namespace fs = std::filesystem;

std::optional<hub::ModelName> name_in(const std::string& text) {
  try {
    return hub::parse_model_name(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// "; did you mean 'org/model:Q8_0'?", or empty.
std::string nearest(const std::string& text, const std::vector<hub::CachedModel>& models) {
  std::string best;
  size_t fewest = std::max<size_t>(2, text.size() / 4) + 1;
  for (const hub::CachedModel& model : models) {
    const std::string bare = model.parts.repo.substr(model.parts.repo.find('/') + 1);
    // Compares the full name, the name without the type, and the name without the organisation.
    for (const std::string& known : {model.name, model.parts.repo, bare}) {
      const bool is_part = text.size() >= 4 && to_lower(known).find(to_lower(text)) != std::string::npos;
      const size_t count = is_part ? 1 : static_cast<size_t>(edit_distance(to_lower(text), to_lower(known)));
      if (count < fewest) {
        fewest = count;
        best = model.name;
      }
    }
  }
  return best.empty() ? "" : fmt::format("; did you mean {}?", in_quotes(best));
}

}  // namespace

fs::path find_model(const fs::path& given, Missing missing) {
  const std::string& text = given.native();
  std::error_code error;
  if (fs::exists(fs::symlink_status(given, error))) return given;
  const std::optional<hub::ModelName> name = name_in(text);
  const bool is_path_like = text.starts_with('/') || text.starts_with('.') || text.starts_with('~');
  if (is_path_like || !name) fail(ErrorCode::kNotFound, "{}: no such file or folder", in_quotes(text));
  const hub::Settings settings = hub::settings_from(hub::process_environment());
  const hub::Cache cache(settings.cache);
  if (const auto model = cache.find(*name)) return model->path;

  const std::string guess = nearest(text, cache.models());
  const bool may_be_at_the_hub = name->repo.find('/') != std::string::npos && !text.ends_with(".gguf");
  if (!may_be_at_the_hub) fail(ErrorCode::kNotFound, "{}: no such file or folder{}", in_quotes(text), guess);
  if (missing == Missing::kIsPulled && !settings.offline && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
    note("{} is not in the cache{}\n", text, guess);
    if (confirm("Pull it?", DefaultAnswer::kYes)) return pull_model(*name, settings).path;
  }
  fail(ErrorCode::kNotFound,
       "{}: no such file or folder, and no such model in the cache{}; to download it: ferrum pull {}",
       in_quotes(text), guess, text);
}

}  // namespace ferrum::cli
