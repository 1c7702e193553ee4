#include "engine/loop/meter.h"

namespace ferrum {

void Meter::observe(const StepPlan& plan, Clock::duration time) {
  int decoding = 0;
  int drafted = 0;
  int prompt_tokens = 0;
  for (size_t c = 0; c < plan.chunks.size(); ++c) {
    const auto count = static_cast<int>(plan.chunks[c].tokens.size());
    const int of_draft = plan.sequences[c]->draft.drafted();
    // The last token of a prompt, if it is alone in its chunk, costs as much as a decoded token.
    if (count == 1 + of_draft && plan.chunks[c].outputs != Outputs::kNone) {
      ++decoding;
      drafted += of_draft;
    } else {
      prompt_tokens += count;
    }
  }
  facts_ = {.sequences = static_cast<int>(plan.chunks.size()),
            .tokens = decoding + drafted + prompt_tokens,
            .prompt_tokens = prompt_tokens};
  stats_.step_sequences.observe(facts_.sequences);
  stats_.step_tokens.observe(facts_.tokens);
  if (drafted == 0) pace_.observe(time, {.decoding = decoding, .waiting = plan.crowd.waiting}, prompt_tokens);
  if (prompt_tokens == 0)
    draft_pace_.observe(
        {.model = time, .drafting = plan.drafting, .sequences = decoding, .drafted = drafted});
}

void Meter::observe_draft(Draft& draft) {
  for (Acceptance* const a : {&draft.acceptance, &acceptance_})
    a->observe(draft.kind, draft.drafted(), draft.accepted);
}

}  // namespace ferrum
