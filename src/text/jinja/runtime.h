// The state of one rendering, apart from its scopes.
#pragma once
#include <ctime>
#include <memory>
#include <vector>

#include "text/jinja/limits.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

class Namespace;

class Runtime {
 public:
  Runtime(const Limits& limits, std::time_t now) : budget(limits), now(now) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  std::shared_ptr<Namespace> make_namespace();

  Budget budget;
  const std::time_t now;
  int printing = 0;  // nesting depth of repr

 private:
  // Only namespaces can refer to themselves, so they are cleared at the end.
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

}  // namespace ferrum::jinja
