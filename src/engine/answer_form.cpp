#include "engine/answer_form.h"

#include "base/random.h"

namespace ferrum {

tools::Parser AnswerForm::parser(int choice) const {
  tools::ParserOptions own = options;
  own.id_seed = random_bits(options.id_seed, static_cast<uint64_t>(choice));
  return {format, functions, own};
}

}  // namespace ferrum
