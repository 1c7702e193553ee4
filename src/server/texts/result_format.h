// Collects what a model makes of texts, for formats that write one body at the end.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "server/api/answering.h"
#include "server/api/json.h"

namespace ferrum::server::texts {

class ResultFormat : public Format {
 public:
  // `field`: that has the texts, for messages.
  ResultFormat(std::string model, std::string field, size_t texts)
      : model_(std::move(model)), field_(std::move(field)), results_(texts) {}

  void take(size_t prompt, const Event& event, std::string& out) override;
  void fail(const ApiError& error, std::string& /*out*/) override { throw ApiError(error); }
  RequestFields fields() const override { return {.prompt = field_, .rule = {}}; }

 protected:
  const std::string& model() const { return model_; }
  const std::vector<TextResultEvent>& results() const { return results_; }
  // {"prompt_tokens", "total_tokens"}
  Json usage() const;

 private:
  std::string model_;
  std::string field_;
  std::vector<TextResultEvent> results_;  // by text
  int64_t tokens_ = 0;
};

// JSON numbers of as many digits as float32 needs: [0.1,0.25]
void append_numbers(std::string& out, std::span<const float> values);
// The same of each row: [[0.1,0.25],[0.5,1]]
void append_rows(std::string& out, const TextResultEvent& result);
// Base64 of the numbers as float32, little-endian, in quotation marks.
void append_base64(std::string& out, std::span<const float> values);

}  // namespace ferrum::server::texts
