#include "cli/load_model.h"

#include <unistd.h>

#include "base/error.h"
#include "base/human_bytes.h"
#include "base/log.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "engine/memory_plan.h"

namespace ferrum::cli {
namespace {

bool shows_plan(ShowPlan show_plan) {
  if (!log::shows(log::Level::kWarning)) return false;
  return show_plan == ShowPlan::kAlways || isatty(STDERR_FILENO) || log::shows(log::Level::kInfo);
}

}  // namespace

std::string plan_text(const std::string& file, const ModelInfo& model, const MemoryPlan& memory) {
  return fmt::format("{}: {} ({}, {}, {:.1f} M parameters), context {}; {} needed = {}; {} free", file,
                     in_quotes(model.name), model.architecture, model.format,
                     static_cast<double>(model.parameters) * 1e-6, model.context, human_bytes(memory.total()),
                     parts_text(memory), human_bytes(memory.free));
}

std::string label_of(const std::filesystem::path& given) {
  if (!std::filesystem::exists(given)) return given.string();
  return given.has_filename() ? given.filename().string() : given.parent_path().filename().string();
}

std::unique_ptr<Engine> load_model(const EngineOptions& options, const std::string& label,
                                   ShowPlan show_plan) {
  Progress progress("loading");
  LoadObserver observer;
  observer.planned = [&](const ModelInfo& model, const MemoryPlan& memory) {
    if (shows_plan(show_plan)) print_message(plan_text(label, model, memory));
  };
  observer.progress = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
  return Engine::load(options, observer);
}

std::unique_ptr<Engine> load_text_model(EngineOptions options, const std::string& label, ShowPlan show_plan) {
  options.pooling = "none";
  std::unique_ptr<Engine> engine = load_model(options, label, show_plan);
  if (const std::optional<TextUse>& use = engine->info().texts) {
    const bool scores = use->kind == TextUse::Kind::kScores;
    fail(ErrorCode::kUnsupported,
         "{}: the model makes {} of texts, no text: use `ferrum {}` or `ferrum serve`", label,
         scores ? "scores" : "embeddings", scores ? "rerank" : "embed");
  }
  return engine;
}

}  // namespace ferrum::cli
