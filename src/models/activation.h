// The nonlinearity of a layer's feed-forward part, as backends take it.
#pragma once
#include "backend/backend.h"
#include "checkpoint/model_description.h"

namespace ferrum {

Activation activation_of(const ModelDescription& model, const FeedForwardDescription& f);
// The same with this limit of the layer's own; 0: without.
Activation limited(Activation activation, float limit);

}  // namespace ferrum
