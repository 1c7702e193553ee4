// Fields of vLLM and llama-server that OpenAI lacks. Their clients send many of them in every request, mostly
// with the default values of those engines.
#pragma once
#include <span>
#include <string_view>

#include "server/api/fields.h"

namespace ferrum::server {

// Reads all of these fields that are not honoured elsewhere: values at their defaults are accepted, fields
// that do not change the answer are hints, others are refused. Sources: ChatCompletionRequest,
// CompletionRequest and SamplingParams of vLLM 0.11; the README of llama.cpp's tools/server. Those of `read`
// are left out, since the caller takes them.
void read_other_engines(Fields& body, std::span<const std::string_view> read = {});

}  // namespace ferrum::server
