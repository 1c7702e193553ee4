// llama-server's `samplers`: which stages a token goes through before it is drawn, by name or by letter.
#pragma once
#include "ferrum/types.h"
#include "server/api/fields.h"

namespace ferrum::server {

// Turns off the stages that the list leaves out. Refuses names that llama-server does not know, and an order
// in which stages would give other tokens than in that of SamplingOptions; stages that are off stand
// anywhere. "infill", which has no counterpart and which editors always send, is reported as ignored.
void read_samplers(Fields& body, SamplingOptions& sampling);

}  // namespace ferrum::server
