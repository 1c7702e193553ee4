// What a model makes of a text as a whole: its rows become one vector, which passes some layers.
#pragma once
#include <memory>
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "checkpoint/model_description.h"

namespace ferrum {

struct TextHeadWeights {
  struct Layer {
    std::unique_ptr<Weight> weight;  // [out, in]
    TextLayer::Function function = TextLayer::Function::kNone;
    Norm norm;  // kNone where there is none
  };
  std::vector<Layer> layers;
  std::vector<std::unique_ptr<Buffer>> buffers;  // behind the norms
};

class TextHead {
 public:
  // The backend must outlive the head.
  TextHead(Backend& backend, const ModelDescription& model, TextHeadWeights weights, int max_texts);

  // Bytes that the constructor allocates.
  static size_t bytes(const ModelDescription& model, int max_texts);

  // rows [rows, hidden], of which those of text i are [starts[i], starts[i + 1]); starts [texts + 1] i32.
  // The result [texts, width], not normalised, stays on the device until the next call.
  Tensor compute(Tensor rows, Tensor starts);

 private:
  Backend& backend_;
  std::vector<Pooling> pooling_;
  TextHeadWeights weights_;
  BackendArena arena_;
  Tensor pooled_;               // [texts, hidden × poolings]
  std::vector<Tensor> layers_;  // [texts, out] of each
};

}  // namespace ferrum
