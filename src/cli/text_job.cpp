#include "cli/text_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/human_bytes.h"
#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors/safetensors_writer.h"
#include "cli/input.h"
#include "cli/interrupts.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "engine/backend_factory.h"
#include "engine/text_encoder.h"

namespace ferrum::cli {
namespace {

constexpr int kTextsAtOnce = 512;  // between two looks at the progress

void check_use(const ModelDescription& model, TextKind use) {
  if (use == TextKind::kEmbedding && model.text_head.classifies)
    fail(ErrorCode::kUnsupported, "{}: the model makes scores of texts, no embeddings: use `ferrum rerank`",
         model.name);
  if (use == TextKind::kLabels && !model.text_head.classifies)
    fail(ErrorCode::kUnsupported,
         "{}: the model makes no scores of pairs of texts: its files have no classifier", model.name);
}

std::vector<TextTokens> read_texts(const TextJob& job, const TextWork& work, const TextInputs& inputs) {
  const std::string all = read_all(job.input);
  std::vector<TextTokens> texts;
  std::string_view rest = all;
  size_t cut = 0;
  for (size_t line = 1; !rest.empty(); ++line) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string source = fmt::format("{}: line {}", job.input, line);
    try {
      texts.push_back(
          work.make(parse_json(text, source), inputs, job.refuse_long ? TooLong::kRefused : TooLong::kCut));
    } catch (const Error& e) {
      const std::string message = e.what();
      if (message.starts_with(source)) throw;
      fail(e.code(), "{}: {}", source, message);
    }
    cut += texts.back().was_cut ? 1 : 0;
  }
  if (texts.empty()) fail(ErrorCode::kBadArgument, "{}: no lines", job.input);
  if (cut > 0)
    log::warn("{} of {} texts are longer than {} tokens, and their ends are left out", cut, texts.size(),
              inputs.max_tokens());
  return texts;
}

TextEncoderOptions options_for(const std::vector<TextTokens>& texts) {
  TextEncoderOptions options;
  size_t longest = 0, all = 0;
  for (const TextTokens& text : texts) {
    longest = std::max(longest, text.tokens.size());
    all += text.tokens.size();
  }
  options.longest_text = static_cast<int>(longest);
  options.step_tokens = static_cast<int>(std::min<size_t>(all, static_cast<size_t>(options.step_tokens)));
  return options;
}

void require_memory(const Checkpoint& checkpoint, const TextEncoderOptions& options, const Backend& backend) {
  const uint64_t needed =
      checkpoint.bytes() + text_encoder_bytes(backend.kv_layout(), checkpoint.model(), options);
  if (const uint64_t free = backend.free_bytes(); needed > free)
    fail(ErrorCode::kNoMemory, "{}: {} are needed for texts of {} tokens, {} are free: use shorter texts",
         checkpoint.model().name, human_bytes(needed), options.longest_text, human_bytes(free));
}

}  // namespace

void add_text_options(CLI::App& command, TextJob& job, const std::string& input, const std::string& output) {
  command.add_option("MODEL", job.engine.model, kModelHelp)->required()->check(a_name());
  command.add_option("--input", job.input, input)->required()->check(a_name());
  command.add_option("--output", job.output, output)->required()->check(a_name());
  command.add_flag("--no-truncate", job.refuse_long,
                   "Refuse texts that are too long for the model, instead of leaving out their ends");
  add_backend_options(command, job.engine);
}

void run_text_job(const TextJob& job, const TextWork& work) {
  const Interrupts interrupts;
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(find_model(job.engine.model));
  const ModelDescription& model = checkpoint->model();
  check_use(model, work.use);
  const auto tokenizer = checkpoint->load_tokenizer();
  if (!tokenizer) fail(ErrorCode::kNotFound, "{}: the model has no tokenizer", model.name);
  const TextInputs inputs(model, *tokenizer, longest_text(model));
  const std::vector<TextTokens> texts = read_texts(job, work, inputs);
  const TextEncoderOptions options = options_for(texts);
  const std::shared_ptr<Backend> backend = make_backend(backend_options(job.engine));
  require_memory(*checkpoint, options, *backend);

  Progress loading("loading");
  TextEncoder encoder(backend, checkpoint, options,
                      [&](uint64_t done, uint64_t total) { loading.update(done, total); });
  const auto width = static_cast<size_t>(encoder.width());
  work.check(model, encoder.width());
  std::vector<float> rows;
  Progress progress(work.name);
  for (size_t done = 0; done < texts.size();) {
    const size_t count = std::min<size_t>(kTextsAtOnce, texts.size() - done);
    const std::vector<float> part = encoder.compute(std::span(texts).subspan(done, count));
    for (size_t i = 0; i < count; ++i) {
      const std::vector<float> row = work.finish(model, std::span(part).subspan(i * width, width));
      rows.insert(rows.end(), row.begin(), row.end());
    }
    done += count;
    progress.update(done, texts.size());
  }
  const auto count = static_cast<int64_t>(texts.size());
  SafetensorsWriter writer(job.output,
                           {{work.name, "F32", {count, static_cast<int64_t>(rows.size()) / count}}});
  writer.append(std::as_bytes(std::span(rows)));
  writer.finish();
}

}  // namespace ferrum::cli
