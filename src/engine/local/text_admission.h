// From a request for texts to a job: everything that can be wrong with it is found here, on the caller's
// thread.
#pragma once
#include <memory>

#include "engine/local/text_queue.h"
#include "engine/text_inputs.h"
#include "ferrum/engine.h"

namespace ferrum {

class TextAdmission {
 public:
  // Both must outlive this. `most_tokens`: of a text.
  TextAdmission(const ModelDescription& model, const Tokenizer& tokenizer, int most_tokens);

  // What the model makes of texts.
  TextUse use() const;

  // Null for a request that is refused: its sink received one ErrorEvent with the reason. For any thread.
  std::shared_ptr<TextJob> admit(TextRequest request, const std::shared_ptr<EventSink>& sink) const;

 private:
  // Throws Error for a request's mistakes.
  std::shared_ptr<TextJob> job_for(TextRequest request) const;
  void validate(const TextRequest& request) const;
  TextTokens tokens_of(const TextRequest::Text& text, const TextRequest& request, std::string_view prompt,
                       const TextInputs& inputs) const;

  const ModelDescription& model_;
  const Tokenizer& tokenizer_;
  int most_tokens_;
};

}  // namespace ferrum
