// ferrum list: lists the models in the cache.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/human_bytes.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/notes.h"
#include "hub/cache.h"
#include "hub/settings.h"

namespace ferrum::cli {
namespace {

std::string date_text(std::time_t time, const char* format) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

std::string type_text(const hub::CachedModel& model) {
  if (model.offer.kind == hub::Offer::Kind::kSafetensors) return "safetensors";
  return model.offer.type.empty() ? "GGUF" : model.offer.type;
}

void print_json(const std::vector<hub::CachedModel>& models) {
  Json list = Json::array();
  for (const hub::CachedModel& m : models)
    list.push_back({{"name", m.name},
                    {"type", type_text(m)},
                    {"bytes", m.offer.bytes},
                    {"modified", date_text(m.modified, "%Y-%m-%dT%H:%M:%SZ")},
                    {"commit", m.commit},
                    {"path", m.path.string()}});
  fmt::print("{}\n", list.dump(2, ' ', false, Json::error_handler_t::replace));
}

struct ListOptions {
  bool json = false;
  bool names = false;
};

void list_command(const ListOptions& o) {
  const hub::Cache cache(hub::cache_folder(hub::process_environment()));
  const std::vector<hub::CachedModel> models = cache.models();
  if (o.json) return print_json(models);
  if (o.names) {
    for (const hub::CachedModel& m : models) fmt::print("{}\n", m.name);
    return;
  }
  if (models.empty()) {
    note("No models in {}; ferrum pull downloads one.\n", in_quotes(cache.folder().string()));
    return;
  }
  size_t width = 4;
  for (const hub::CachedModel& m : models) width = std::max(width, m.name.size());
  fmt::print("{:<{}}  {:<12}{:>10}  {}\n", "NAME", width, "TYPE", "SIZE", "MODIFIED");
  for (const hub::CachedModel& m : models)
    fmt::print("{:<{}}  {:<12}{:>10}  {}\n", m.name, width, type_text(m), human_bytes(m.offer.bytes),
               date_text(m.modified, "%Y-%m-%d"));
}

}  // namespace

void add_list(CLI::App& app) {
  auto o = std::make_shared<ListOptions>();
  CLI::App& command = *app.add_subcommand("list", "List the models in the local cache");
  command.add_flag("--json", o->json, "Print JSON");
  command.add_flag("--names", o->names, "Print only the names, one per line");
  command.footer(
      "The cache (HF_HOME) is shared with other Hugging Face tools.\n\n"
      "Examples:\n"
      "  ferrum list\n"
      "  ferrum list --json");
  command.callback([o] { list_command(*o); });
}

}  // namespace ferrum::cli
