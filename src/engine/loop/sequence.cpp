#include "engine/loop/sequence.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/random.h"

namespace ferrum {

uint64_t seed_of(const Job& job, int choice) {
  return choice == 0 ? job.seed : random_bits(job.seed, ~static_cast<uint64_t>(choice));
}

Sequence::Sequence(std::shared_ptr<Job> job, int choice, int64_t rank, BlockTable blocks,
                   const Tokenizer* tokenizer)
    : job(std::move(job)),
      choice(choice),
      rank(rank),
      blocks(std::move(blocks)),
      since(this->job->submitted),
      answer(this->job->request, this->job->facts, seed_of(*this->job, choice), tokenizer,
             this->job->form.get(), {this->job->sink, choice}),
      reasoning(this->job->thoughts, this->job->prompt_thinks) {
  if (this->job->grammar) constraint.emplace(this->job->grammar);
  // Reserve all that it may grow to, so that a step allocates nothing.
  const size_t most = this->job->most_tokens();
  tokens.reserve(most);
  tokens = this->job->prompt;
  this->blocks.expect(static_cast<int>(most));
}

void Sequence::fill() {
  const bool stays = std::ranges::binary_search(job->kept_states, computed);
  blocks.fill(tokens, computed, stays ? BlockTable::State::kStays : BlockTable::State::kPassing);
}

void Sequence::recompute() {
  blocks.release();
  draft.memory.reset();
  computed = 0;
  resumed = true;  // what it finds in the cache is no part of its prompt
}

void Sequence::shift() {
  if (shifts++ == 0) shifted = tokens;
  const size_t keep = job->shift->keep;
  const size_t dropped = (tokens.size() - keep + 1) / 2;
  const auto from = tokens.begin() + static_cast<std::ptrdiff_t>(keep);
  tokens.erase(from, from + static_cast<std::ptrdiff_t>(dropped));
  usage.shifted_tokens += static_cast<int>(dropped);
  recompute();
}

}  // namespace ferrum
