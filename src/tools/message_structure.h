// Answers that are messages with headers, as structures: OpenAI's Harmony, and Functionary's recipients.
#pragma once
#include <vector>

#include "tools/answer_structure.h"
#include "tools/structure_builder.h"

namespace ferrum::tools {

// The root of an answer in which `tools` may be called.
int channel_answer(const Format& format, const std::vector<const Tool*>& tools, const AnswerOptions& options,
                   StructureBuilder& builder);
int recipient_answer(const Format& format, const std::vector<const Tool*>& tools,
                     const AnswerOptions& options, StructureBuilder& builder);

}  // namespace ferrum::tools
