// Which bytes may come next, about: to try no others.
#pragma once
#include <bitset>

#include "grammar/threads.h"

namespace ferrum::grammar {

// A byte that is not among them leads nowhere; one that is may do so as well.
std::bitset<256> first_bytes(const Program& program, const Threads& threads);

}  // namespace ferrum::grammar
