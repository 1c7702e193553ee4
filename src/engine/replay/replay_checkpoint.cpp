#include "engine/replay/replay_checkpoint.h"

#include <utility>

#include "checkpoint/architecture.h"

namespace ferrum {
namespace {

constexpr Architecture kReplay = {.name = "replay", .hf = {}};
constexpr int kHidden = 32;
// A byte may be a token, and what agents send is long.
constexpr int kContext = 1 << 20;

}  // namespace

ReplayCheckpoint::ReplayCheckpoint(std::string name, std::string chat_template, TokenizerSpec vocabulary)
    : chat_template_(std::move(chat_template)), vocabulary_(std::move(vocabulary)) {
  model_.architecture = &kReplay;
  model_.name = std::move(name);
  model_.hidden = kHidden;
  model_.vocab = static_cast<int>(vocabulary_.tokens.size());
  model_.context = kContext;
  generation_.source = model_.name;
  generation_.may_lack_stop_tokens = true;
}

}  // namespace ferrum
