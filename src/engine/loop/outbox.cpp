#include "engine/loop/outbox.h"

namespace ferrum {

class Outbox::Waiting final : public EventSink {
 public:
  Waiting(Outbox& outbox, std::shared_ptr<EventSink> to) : outbox_(outbox), to_(std::move(to)) {}
  void push(Event event) override { outbox_.events_.emplace_back(to_, std::move(event)); }
  bool cancelled() const override { return to_->cancelled(); }

 private:
  Outbox& outbox_;
  std::shared_ptr<EventSink> to_;
};

std::shared_ptr<EventSink> Outbox::before(std::shared_ptr<EventSink> to) {
  return std::make_shared<Waiting>(*this, std::move(to));
}

void Outbox::deliver() {
  for (auto& [to, event] : events_) to->push(std::move(event));
  events_.clear();
}

}  // namespace ferrum
