#include "engine/local/text_engine.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "engine/backend_factory.h"
#include "engine/local/event_queue.h"
#include "engine/memory_plan.h"

namespace ferrum {
namespace {

// Longer texts are a matter of asking, since every token costs memory.
constexpr int kDefaultLongest = 8192;

// A context that was chosen for a model beside this one may be longer than its texts.
int chosen_longest(const EngineOptions& options, const ModelDescription& model) {
  return std::min(longest_text(model), options.max_context > 0 ? options.max_context : kDefaultLongest);
}

void tell_unused(const EngineOptions& options, const ModelDescription& model) {
  for (const auto& [used, name] :
       {std::pair(!options.speculate.empty(), "speculation"), std::pair(!options.trace.empty(), "a trace")})
    if (used) log::warn("{}: {} has no effect for a model that generates no text", model.name, name);
}

Error generates_nothing(const ModelInfo& info) {
  return {ErrorCode::kBadArgument,
          fmt::format("{} makes {} of texts; it generates no text", info.name,
                      info.texts->kind == TextUse::Kind::kScores ? "scores" : "embeddings")};
}

}  // namespace

bool reads_texts(const ModelDescription& model, const EngineOptions& options) {
  // What could not generate text in any case.
  if (options.pooling == "none") return model.encoder || !model.causal || model.text_head.classifies;
  return !options.pooling.empty() || !model.text_head.pooling.empty();
}

TextEngine::TextEngine(std::shared_ptr<const Checkpoint> checkpoint, const EngineOptions& options,
                       const LoadObserver& observer)
    : checkpoint_(std::move(checkpoint)), prompts_(*checkpoint_) {
  const ModelDescription& model = checkpoint_->model();
  tell_unused(options, model);
  if (prompts_.tokenizer() == nullptr)
    fail(ErrorCode::kNotFound, "{}: the model has no tokenizer", model.name);
  TextEncoderOptions encoder = {.longest_text = chosen_longest(options, model),
                                .step_tokens = options.batch_tokens,
                                .gives_states = true};
  if (!options.pooling.empty() && options.pooling != "none") encoder.pooling = pooling_named(options.pooling);

  if (options.device_memory > 0)
    fail(ErrorCode::kBadArgument, "--device-memory is for models that generate text");
  std::shared_ptr<Backend> backend =
      make_backend({options.backend, options.threads, options.activations, options.check});
  const std::vector<WeightSource> weights = weights_of(*checkpoint_);
  memory_ = {.weights = checkpoint_->bytes() + backend->growth_of(weights),
             .kv = 0,
             .activations = text_encoder_bytes(backend->kv_layout(), model, encoder) +
                            backend->kernel_memory_for(weights),
             .free = backend->free_bytes(),
             .tokens = 0};
  info_.name = model.name;
  info_.architecture = std::string(name_of(*model.architecture));
  info_.format = checkpoint_->format();
  info_.parameters = model.parameters;
  info_.hidden = model.hidden;
  info_.context = encoder.longest_text;
  info_.has_chat_template = prompts_.has_template();
  if (observer.planned) observer.planned(info_, memory_);
  if (memory_.total() > memory_.free)
    require_fit(memory_, model, "shorter texts (a smaller context) take less");

  encoder_ = std::make_unique<TextEncoder>(backend, checkpoint_, encoder, observer.progress);
  admission_ =
      std::make_unique<TextAdmission>(encoder_->model(), *prompts_.tokenizer(), encoder.longest_text);
  info_.texts = admission_->use();
  thread_ = std::make_unique<TextThread>(
      *encoder_, TextThread::Options{.queue = options.queue,
                                     .stall_seconds = options.stall_seconds,
                                     .device = dynamic_cast<const DeviceReport*>(backend.get())});
}

std::vector<int32_t> TextEngine::infill_tokens(const InfillPrompt& /*prompt*/) const {
  throw generates_nothing(info_);
}

std::unique_ptr<EventStream> TextEngine::submit(Request /*request*/) {
  thread_->count_refused();
  return refused(generates_nothing(info_));
}

std::vector<std::unique_ptr<EventStream>> TextEngine::submit_batch(std::vector<Request> requests) {
  std::vector<std::unique_ptr<EventStream>> streams;
  for (Request& request : requests) streams.push_back(submit(std::move(request)));
  return streams;
}

std::unique_ptr<EventStream> TextEngine::submit_texts(TextRequest request) {
  try {
    std::shared_ptr<void> place = thread_->place_in_queue();
    const auto queue = std::make_shared<EventQueue>(1);
    auto stream = std::make_unique<QueuedStream>(queue);
    if (std::shared_ptr<TextJob> job = admission_->admit(std::move(request), queue)) {
      job->place = std::move(place);
      thread_->send(std::move(job));
    } else {
      thread_->count_refused();
    }
    return stream;
  } catch (const Error& e) {  // the queue is full
    thread_->count_refused();
    return refused(e);
  }
}

SavedSession TextEngine::save_session(const Session& /*session*/, const std::filesystem::path& /*path*/) {
  throw generates_nothing(info_);
}

LoadedSession TextEngine::load_session(const std::filesystem::path& /*path*/) {
  throw generates_nothing(info_);
}

void TextEngine::load_adapter(const std::string& name, const std::filesystem::path& /*path*/,
                              bool /*replace*/) {
  fail(ErrorCode::kBadArgument, "the adapter {} cannot be loaded: adapters are for models that generate text",
       in_quotes(name));
}

void TextEngine::unload_adapter(const std::string& name) {
  fail(ErrorCode::kNotFound, "there is no adapter {}", in_quotes(name));
}

}  // namespace ferrum
