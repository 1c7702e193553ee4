// Calls of functions as parts of a structure, in the spellings that the parser of the format reads.
#pragma once
#include <string>
#include <vector>

#include "tools/format.h"
#include "tools/structure_builder.h"
#include "tools/tool_list.h"

namespace ferrum::tools {

class CallStructure {
 public:
  using Pattern = grammar::TextPattern;

  CallStructure(const Format& format, std::vector<const Tool*> tools, bool parallel,
                StructureBuilder& builder)
      : format_(format), tools_(std::move(tools)), parallel_(parallel), builder_(builder) {
    if (!tools_.empty()) add_blocks();
  }

  // Blocks of calls, each from its own mark to its end; calls without a mark, where the format has them.
  const std::vector<int>& blocks() const { return blocks_; }
  std::vector<int> first_blocks();  // and those that no other may precede
  const std::vector<int>& marked_blocks() const { return marked_blocks_; }
  // What in content can only be a block: its mark, or without one a call's begin to behind the name.
  std::vector<Pattern> begins_in_content() const;
  // … in a thought, where marks are talked about: a call's begin to behind the name of a function.
  std::vector<Pattern> begins_in_thought() const;

  // The arguments of `tool` as JSON.
  int arguments(const Tool& tool);
  const std::vector<const Tool*>& tools() const { return tools_; }

 private:
  void add_blocks();
  int block(const Wrapper& wrapper);
  int calls_in(const Wrapper& wrapper);
  int listed(int call);
  int object_call(bool bare);
  int object_members(const std::string& name_key, const std::vector<std::string>& arguments_keys, bool bare);
  int named_call(const Wrapper& wrapper);
  int element_call(const Wrapper& wrapper);
  int element_members(const Tool& tool, const Wrapper& wrapper);
  int gemma_call();
  int python_call(const std::string& name_end);
  int named_arguments(const Tool& tool);
  int key(const std::string& name);
  int call_in(const Wrapper& wrapper);
  int id_member();
  std::string spelled(const std::string& name) const;  // as it stands in a call
  bool is_bare(const Wrapper& wrapper) const { return wrapper.open.empty(); }
  bool may_be_code() const;  // behind the format's mark for it
  int code() { return builder_.text({{"<|eo"}}); }

  const Format& format_;
  std::vector<const Tool*> tools_;
  bool parallel_;
  StructureBuilder& builder_;
  std::vector<int> blocks_, marked_blocks_;
};

// The JSON schema of a call's arguments.
std::string arguments_schema(const Tool& tool);
// What a refusal says of whose schema it is.
std::string subject_of(const Tool& tool);
std::string json_string(std::string_view text);

}  // namespace ferrum::tools
