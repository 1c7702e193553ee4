// What a head that predicts further tokens (MtpHead of model_description.h) has beside its layer, which is
// that of the decoder behind the last.
//
// Its row of a position takes that position's token, and the hidden state of the position before: what it
// reads and keeps of a sequence depends on the tokens up to there alone, as all that is kept in blocks does.
// So the rows of position 0 have no state, and no other row sees them. A step computes the head's keys and
// values with the model's own. Hidden states that the next step may need lie in the blocks as well, those of
// the last `kept` positions of each: a sequence goes on behind any of them, whether a draft was cut, or
// another sequence left the block in the cache.
#pragma once
#include <memory>

#include "backend/backend.h"

namespace ferrum {

struct MtpWeights {
  std::unique_ptr<Weight> projection;       // [hidden, 2 hidden]
  std::unique_ptr<Weight> embedding, head;  // [vocab, hidden]; null: the model's own serve
  Norm embedding_norm, hidden_norm, final_norm;
};

// Where the hidden state of a position is kept: a row of [blocks × kept + 1, hidden]. The last row is zeros,
// for positions that have none before them.
inline int mtp_slot(int block, int offset, int kept) { return block * kept + offset % kept; }

// Tokens that it may draft at once: behind a step with them, and the one before it, all that the next may
// need is still there.
inline int most_mtp_tokens(int block_tokens) { return block_tokens - 2; }

}  // namespace ferrum
