// What the values of keywords must be, as the metaschemas of the drafts say: also of keywords that do nothing
// where they stand, such as `if` by itself. Titles and other annotations say nothing of values, and members
// of definitions nothing until they are referred to, so these may hold anything.
#pragma once
#include <string>

#include "grammar/schema/document.h"

namespace ferrum::grammar {

// Refusal: a value of the wrong kind.
void check_keyword_values(const JsonTree& schema, const SchemaDocument::Place& place);

}  // namespace ferrum::grammar
