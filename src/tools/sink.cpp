#include "tools/sink.h"

#include "base/random.h"
#include "tools/literal_reader.h"

namespace ferrum::tools {

Sink::Sink(IdStyle ids, uint64_t seed, Phase phase)
    : id_style_(ids), seed_(seed), thinking_(phase == Phase::kReasoning), after_mark_(thinking_) {}

void Sink::text(std::string_view bytes) {
  if (drops_texts_) {
    if (!bytes.empty()) spaces_.clear();
    return;
  }
  for (const char byte : bytes) {
    if (is_space(byte)) {
      (after_mark_ ? skipped_ : spaces_) += byte;
      continue;
    }
    const EventKind kind = thinking_ ? EventKind::kReasoning : EventKind::kContent;
    bool& has_text = thinking_ ? has_thought_ : has_content_;
    // Two texts with structure between them do not run into one word.
    if (after_mark_ && has_text) emit(kind, gap_.empty() ? skipped_ : gap_);
    has_text = true;
    if (!spaces_.empty()) emit(kind, spaces_);
    spaces_.clear();
    after_mark_ = fresh_ = false;
    emit(kind, {&byte, 1});
  }
}

void Sink::mark() {
  if (!after_mark_) gap_ = spaces_;
  spaces_.clear();
  skipped_.clear();
  after_mark_ = fresh_ = true;
}

void Sink::message() {
  mark();
  if (gap_.empty()) gap_ = "\n";
}

void Sink::open_thought() {
  mark();
  thinking_ = true;
}

void Sink::close_thought() {
  mark();
  thinking_ = false;
}

void Sink::begin_call(std::string_view name, std::string_view id) {
  close_thought();
  name_ = name;
  Event event = {
      .kind = EventKind::kCallBegin, .index = calls_++, .id = std::string(id), .name = std::string(name)};
  while (event.id.empty() || !ids_.insert(event.id).second) event.id = new_id();
  events_.push_back(std::move(event));
}

void Sink::arguments(std::string_view json) {
  if (!json.empty()) emit(EventKind::kArguments, json);
}

void Sink::end_call(bool complete) {
  events_.push_back({.kind = EventKind::kCallEnd, .index = calls_ - 1, .complete = complete});
  mark();
}

void Sink::finish() {
  if (!thinking_ && !spaces_.empty()) emit(EventKind::kContent, spaces_);
  spaces_.clear();
}

void Sink::emit(EventKind kind, std::string_view text) {
  if (text.empty()) return;
  const int index = kind == EventKind::kArguments ? calls_ - 1 : 0;
  if (events_.empty() || events_.back().kind != kind) events_.push_back({.kind = kind, .index = index});
  events_.back().text += text;
}

std::string Sink::new_id() {
  constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const bool short_id = id_style_ == IdStyle::kNineCharacters;
  std::string id = short_id ? "" : "call_";
  for (size_t size = id.size() + (short_id ? 9 : 24); id.size() < size;)
    id += kAlphabet[random_bits(seed_, ids_made_++) % kAlphabet.size()];
  return id;
}

}  // namespace ferrum::tools
