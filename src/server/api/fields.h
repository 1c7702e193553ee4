// Reads the fields of a JSON object by name, type and range, and keeps account of every field, so that none
// is silently ignored. A field that would change the answer is honoured or refused by name; a hint is
// accepted and reported; another engine's field that asks for what happens anyway is no error.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/api/api_error.h"
#include "server/api/json.h"

namespace ferrum::server {

// What becomes of hints, which are fields that do not change the answer: kReported accepts and reports them,
// kRefused treats them as fields that are not supported.
enum class Hints { kReported, kRefused };

// What one request body asks for and does not get, gathered over all objects in it.
class FieldReport {
 public:
  explicit FieldReport(Hints hints) : hints_(hints) {}

  Hints hints() const { return hints_; }
  void ignore(const std::string& path);
  void refuse(const std::string& code, const std::string& path, const std::string& message);
  // Throws one ApiError (400) with all messages, and the code and `param` of the first refusal, if there is
  // one. The list of messages is cut where it would become too long to read.
  void check() const;
  // Paths of the hints that were accepted, in the order in which they were read, each once.
  const std::vector<std::string>& ignored() const { return ignored_; }

 private:
  struct Refusal {
    std::string code;
    std::string path;
    std::string message;
  };
  Hints hints_;
  std::vector<std::string> ignored_;
  std::vector<Refusal> refused_;
};

class Fields {
 public:
  // The body of a request. It must outlive this object. 400 if it is no object.
  explicit Fields(const Json& body, Hints hints = Hints::kReported);
  // An object inside of another one, whose report it shares. `path` names it in messages: "messages[0]".
  Fields(const Fields& parent, const Json& object, std::string path);

  // Values. A missing field and null both read as nothing. A value of the wrong type or out of range reads as
  // nothing as well, and is a refusal that refuse_others() or check() throws.
  const Json* find(const std::string& name);
  const Json& required(const std::string& name);  // throws at once
  std::optional<bool> flag(const std::string& name);
  std::optional<int64_t> integer(const std::string& name, int64_t least, int64_t most);
  std::optional<double> number(const std::string& name, double least, double most);
  std::optional<std::string> text(const std::string& name);
  const Json* object(const std::string& name);
  std::optional<std::vector<std::string>> texts(const std::string& name);  // a string or an array of strings
  std::optional<std::vector<int32_t>> integers(const std::string& name);   // token ids

  // A field that is accepted and reported as ignored, unless it has a value of `neutral`, which asks for
  // nothing.
  void hint(const std::string& name, const std::vector<Json>& neutral = {});
  // A field that is not supported: any other value than those of `neutral` is a refusal.
  void refuse(const std::string& name, const char* why, const std::vector<Json>& neutral = {});
  // A refusal of what this field says, for callers that find out themselves.
  void refuse_value(const std::string& name, const std::string& message, const char* code = "invalid_value");
  // Refuses every field that was not read and is not null. For a request's body throws all refusals.
  void refuse_others();
  // Throws all refusals so far, of all objects of the body.
  void check() const { report_->check(); }

  const std::vector<std::string>& ignored() const { return report_->ignored(); }
  std::string path_of(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

 private:
  const Json& object_;
  std::string path_;
  std::shared_ptr<FieldReport> report_;
  std::set<std::string> known_;
};

}  // namespace ferrum::server
