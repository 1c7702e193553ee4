#include "server/fake_engine.h"

#include <limits>
#include <utility>

#include "base/error.h"

namespace ferrum::test {

void FakeAnswer::tell(Event event) {
  if (const auto* text = std::get_if<TextEvent>(&event);
      text && request.answer_as != Request::AnswerAs::kText)
    event = PartEvent{.choice = text->choice, .text = text->text, .generated_tokens = text->generated_tokens};
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<ErrorEvent>(event)) told_all_ = true;
    if (std::holds_alternative<FinishEvent>(event)) told_all_ = ++finished_ == request.choices;
    events_.push_back(std::move(event));
    if (events_.size() == 1) wake = on_event_;
    if (wake) wake();  // under the lock: an earlier one is not called once it is replaced
  }
  changed_.notify_all();
}

bool FakeAnswer::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

bool FakeAnswer::is_cancelled_within(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return cancelled_; });
}

class FakeStream final : public EventStream {
 public:
  explicit FakeStream(std::shared_ptr<FakeAnswer> answer) : answer_(std::move(answer)) {}
  ~FakeStream() override {
    subscribe({});
    if (!over()) cancel();
  }

  std::optional<Event> next() override {
    std::unique_lock lock(answer_->mutex_);
    answer_->changed_.wait(lock, [&] { return !answer_->events_.empty() || answer_->told_all_; });
    return take();
  }
  std::optional<Event> poll() override {
    const std::lock_guard lock(answer_->mutex_);
    return take();
  }
  bool over() const override {
    const std::lock_guard lock(answer_->mutex_);
    return answer_->told_all_ && answer_->events_.empty();
  }
  void subscribe(std::function<void()> on_event) override {
    const std::lock_guard lock(answer_->mutex_);
    answer_->on_event_ = std::move(on_event);
    if (answer_->on_event_ && !answer_->events_.empty()) answer_->on_event_();
  }
  void cancel() override {
    {
      const std::lock_guard lock(answer_->mutex_);
      answer_->cancelled_ = true;
    }
    answer_->changed_.notify_all();
  }

 private:
  std::optional<Event> take() {
    if (answer_->events_.empty()) return std::nullopt;
    std::optional<Event> event = std::move(answer_->events_.front());
    answer_->events_.pop_front();
    return event;
  }

  std::shared_ptr<FakeAnswer> answer_;
};

FakeEngine::FakeEngine(Script script) : script_(std::move(script)), thread_([this] { run(); }) {}

FakeEngine::~FakeEngine() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void FakeEngine::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ending_ || (script_ && told_ < answers_.size()); });
    if (ending_) return;
    const std::shared_ptr<FakeAnswer> answer = answers_[told_++];
    lock.unlock();
    for (const Event& event : answer->scripted_) answer->tell(event);
    lock.lock();
  }
}

std::shared_ptr<FakeAnswer> FakeEngine::answer(size_t index) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::seconds(20), [&] { return answers_.size() > index; }))
    throw std::runtime_error("no request came");
  return answers_[index];
}

size_t FakeEngine::asked() const {
  const std::lock_guard lock(mutex_);
  return answers_.size();
}

void FakeEngine::load_adapter(const std::string& name, const std::filesystem::path& path, bool replace) {
  if (path == "broken") fail(ErrorCode::kBadConfig, "broken: fits another model");
  const std::lock_guard lock(mutex_);
  const auto is_it = [&](const AdapterInfo& a) { return a.name == name; };
  if (!replace && std::ranges::any_of(adapters_, is_it))
    fail(ErrorCode::kBadArgument, "there is an adapter {} already", in_quotes(name));
  std::erase_if(adapters_, is_it);
  adapters_.push_back({.name = name, .path = path, .rank = 4, .in_memory = true, .requests = 3});
}

void FakeEngine::unload_adapter(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (std::erase_if(adapters_, [&](const AdapterInfo& a) { return a.name == name; }) == 0)
    fail(ErrorCode::kNotFound, "there is no adapter {}", in_quotes(name));
}

std::vector<AdapterInfo> FakeEngine::adapters() const {
  const std::lock_guard lock(mutex_);
  return adapters_;
}

EngineStats FakeEngine::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void FakeEngine::set_stats(const EngineStats& stats) {
  const std::lock_guard lock(mutex_);
  stats_ = stats;
}

SamplingOptions FakeEngine::recommended_sampling() const {
  SamplingOptions recommended;
  recommended.temperature = 0.625f;
  return recommended;
}

std::vector<int32_t> FakeEngine::tokens_of(const Prompt& prompt) const {
  if (const auto* tokens = std::get_if<TokenPrompt>(&prompt)) return tokens->ids;
  const auto* chat = std::get_if<ChatPrompt>(&prompt);
  if (!chat) {
    const TextPrompt& own = std::get<TextPrompt>(prompt);
    const std::string text = (own.bos == TextPrompt::Bos::kAdded ? "^" : "") + own.text;
    return {text.begin(), text.end()};
  }
  const std::string text = render(*chat);
  return {text.begin(), text.end()};
}

std::string FakeEngine::text_of(std::span<const int32_t> ids) const { return {ids.begin(), ids.end()}; }

std::string FakeEngine::render(const ChatPrompt& chat) const {
  std::string text;
  for (const ChatMessage& message : chat.messages)
    text += message.role + (message.name.empty() ? "" : " " + message.name) + ": " +
            (message.reasoning.empty() ? "" : "(" + message.reasoning + ") ") + message.content + "\n" +
            (message.tool_calls.empty() ? "" : message.tool_calls + "\n");
  if (!chat.tools.functions.empty()) text += "functions: " + chat.tools.functions + "\n";
  return text + chat.template_options;
}

std::vector<int32_t> FakeEngine::infill_tokens(const InfillPrompt& prompt) const {
  std::string text;
  for (const InfillPrompt::File& file : prompt.files) text += file.name + ":" + file.text + "\n";
  text += "<" + prompt.prefix + "|" + prompt.suffix + ">";
  return {text.begin(), text.end()};
}

TokenText FakeEngine::token(int32_t id) const {
  const std::string bytes(1, static_cast<char>(id));
  return {.spelling = "_" + bytes, .bytes = bytes};
}

TokenizerInfo FakeEngine::tokenizer_info() const {
  return {.size = 256,
          .bos = "<s>",
          .eos = "</s>",
          .unk = {},
          .pad = {},
          .adds_bos = true,
          .chat_template = "{{ messages }}"};
}

std::unique_ptr<EventStream> FakeEngine::submit(Request request) {
  if (on_submit) on_submit();
  auto answer = std::make_shared<FakeAnswer>(std::move(request));
  auto stream = std::make_unique<FakeStream>(answer);
  if (script_) answer->scripted_ = script_(answer->request);
  // A refusal is there when submit() returns, as Engine has it.
  if (!answer->scripted_.empty() && std::holds_alternative<ErrorEvent>(answer->scripted_.front()))
    answer->tell(std::exchange(answer->scripted_, {}).front());
  {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
  }
  changed_.notify_all();
  return stream;
}

std::vector<std::unique_ptr<EventStream>> FakeEngine::submit_batch(std::vector<Request> requests) {
  std::vector<std::unique_ptr<EventStream>> streams;
  for (Request& request : requests) streams.push_back(submit(std::move(request)));
  return streams;
}

std::unique_ptr<EventStream> FakeEngine::submit_texts(TextRequest request) {
  const auto length = [](const TextRequest::Text& text) {
    if (const auto* string = std::get_if<std::string>(&text)) return static_cast<float>(string->size());
    if (const auto* ids = std::get_if<TokenPrompt>(&text)) return static_cast<float>(ids->ids.size());
    return static_cast<float>(std::get<TextPair>(text).second.size());
  };
  auto answer = std::make_shared<FakeAnswer>(Request{});
  auto stream = std::make_unique<FakeStream>(answer);
  for (size_t i = request.texts.size(); i-- > 0;) {  // in any order
    TextResultEvent result = {
        .text = i, .rows = 1, .values = {length(request.texts[i])}, .tokens = 1, .was_cut = false};
    if (info_.texts->kind == TextUse::Kind::kEmbeddings) {
      result.values = {static_cast<float>(i), result.values[0], 0.1f};
      if (request.dimensions > 0) result.values.resize(static_cast<size_t>(request.dimensions));
    }
    if (request.result == TextRequest::Result::kStates) {
      result.rows = 2;
      result.values = {1, 0.5f, 3, 4};
    }
    answer->tell(result);
  }
  FinishEvent end = finish();
  end.usage.prompt_tokens = static_cast<int>(request.texts.size());
  answer->tell(end);
  const std::lock_guard lock(mutex_);
  text_request_ = std::move(request);
  return stream;
}

TextRequest FakeEngine::text_request() const {
  const std::lock_guard lock(mutex_);
  return text_request_;
}

SavedSession FakeEngine::save_session(const Session& /*session*/, const std::filesystem::path& /*path*/) {
  return {};
}
LoadedSession FakeEngine::load_session(const std::filesystem::path& /*path*/) { return {}; }

std::string FakeEngine::prompt_text(const Request& request) const {
  const std::vector<int32_t> ids = tokens_of(request.prompt);
  return {ids.begin(), ids.end()};
}

Event thought(const std::string& text, int choice) {
  return PartEvent{.choice = choice, .kind = PartEvent::Kind::kReasoning, .text = text};
}

std::vector<Event> call(int index, const std::string& name, const std::vector<std::string>& arguments,
                        int choice) {
  using Kind = PartEvent::Kind;
  const std::string id = "call_" + std::to_string(choice) + std::to_string(index);
  std::vector<Event> events = {
      PartEvent{.choice = choice, .kind = Kind::kCallBegin, .index = index, .id = id, .name = name}};
  for (const std::string& text : arguments)
    events.emplace_back(PartEvent{.choice = choice, .kind = Kind::kArguments, .index = index, .text = text});
  events.emplace_back(PartEvent{.choice = choice, .kind = Kind::kCallEnd, .index = index});
  return events;
}

std::vector<Event> nothing(const Request& /*request*/) { return {}; }

std::vector<Event> hello(const Request& request) {
  std::vector<Event> events;
  if (request.prompt_logprobs)
    events.emplace_back(
        PromptEvent{{{{.id = 1, .bytes = "On", .logprob = std::numeric_limits<float>::quiet_NaN()}, {}},
                     {{.id = 2, .bytes = "ce", .logprob = -2}, {{.id = 3, .bytes = "ly", .logprob = -1}}}}});
  for (int choice = 0; choice < request.choices; ++choice) {
    if (request.logprobs) {
      TokenEvent token = {
          .choice = choice, .token = {.id = 5, .bytes = "Hello", .logprob = -0.5f}, .top = {}};
      for (int i = 0; i < *request.logprobs; ++i)
        token.top.push_back({.id = i, .bytes = std::string(1, static_cast<char>('a' + i)), .logprob = -1.0f});
      events.emplace_back(token);
    }
    events.emplace_back(TextEvent{choice, "Hel"});
    events.emplace_back(TextEvent{choice, "lo"});
    events.emplace_back(finish(choice));
  }
  return events;
}

FinishEvent finish(int choice, FinishReason reason) {
  return {.choice = choice,
          .reason = reason,
          .stop = {},
          .usage = {.prompt_tokens = 10, .cached_tokens = 4, .generated_tokens = 2, .reasoning_tokens = 1}};
}

}  // namespace ferrum::test
