// Threads that go on alike are kept once, so that their number does not grow with the text.
#pragma once
#include "grammar/threads.h"

namespace ferrum::grammar {

// Leaves out every thread that another one stands for: it waits for the same, and its frame differs at most
// in having obligations that the other has met already. Threads that begin the same value become one, whose
// frame joins theirs.
void join_alike(Threads& threads);

}  // namespace ferrum::grammar
