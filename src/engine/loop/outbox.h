// Events of a step on their way to clients. They wait until the next step is launched, so that an accelerator
// does not wait for them.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "engine/answer.h"

namespace ferrum {

class Outbox {
 public:
  // A sink whose events wait here for `to`. It must not be pushed to once this is gone.
  std::shared_ptr<EventSink> before(std::shared_ptr<EventSink> to);
  void deliver();

 private:
  class Waiting;
  std::vector<std::pair<std::shared_ptr<EventSink>, Event>> events_;
};

}  // namespace ferrum
