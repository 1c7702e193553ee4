// /tokenize, /detokenize and /apply-template: what a model reads. The engine is the one that the body names.
#pragma once
#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

Json tokenize(Fields& body, const Engine& engine);        // content -> tokens, count
Json detokenize(Fields& body, const Engine& engine);      // tokens -> content
Json apply_template(Fields& body, const Engine& engine);  // messages -> prompt

}  // namespace ferrum::server
