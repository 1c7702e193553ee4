// The floors of ARCHITECTURE.md, held: a file may include its own folder and lower floors only. Of a floor's
// rooms it may include its own and lower ones.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, int> kFloors = {
    {"base", 0},    {"tensor", 1}, {"text", 1},        {"backend", 2}, {"distributed", 2}, {"checkpoint", 2},
    {"grammar", 2}, {"tools", 2},  {"models", 3},      {"cache", 3},   {"engine", 4},      {"server", 5},
    {"loadgen", 5}, {"hub", 5},    {"http_client", 4}, {"cli", 6},
};

// What a floor may see although the numbers alone would allow or forbid it: see ARCHITECTURE.md, "Floors".
bool may_include(const std::string& from, const std::string& to) {
  if (from == to) return true;
  if (to == "ferrum") return from == "engine" || from == "server" || from == "cli";  // on top of lower floors
  if (from == "server") return to == "base";  // else only the public API
  if (from == "http_client") return to == "base";
  if (from == "grammar") return to == "base" || to == "text";  // texts and tokens, but no tensor
  if (from == "loadgen" || from == "hub")  // they know servers by their API alone, and no model
    return to == "base" || to == "http_client";
  if (from == "tools")  // text in, events out: no model; what answers may be, as plain data of grammars
    return to == "base" || to == "text" || to == "grammar";
  if (from == "cache") return to == "base" || to == "text";  // tokens, but no tensor
  return kFloors.at(to) < kFloors.at(from);
}

// The rooms of a floor: folders within its folder, which for this matter is a room as well. Of several with
// the same number none may see another.
const std::map<std::string, int> kRooms = {
    {"backend", 0},
    {"backend/reference", 1},
    {"backend/cpu/sampling", 1},
    {"backend/cpu", 2},
    {"backend/cuda/device", 1},
    {"backend/cuda/driver", 1},
    {"backend/cuda/kernels", 2},
    {"backend/cuda", 3},
    {"backend/observers", 2},
    {"backend/split", 3},
    {"backend/cpu/kernels", 3},
    {"checkpoint", 0},
    {"checkpoint/tokenizer", 1},
    {"checkpoint/gguf", 2},
    {"checkpoint/safetensors", 2},
    {"checkpoint/architectures", 3},
    {"checkpoint/readers", 4},
    {"checkpoint/adapters", 4},
    {"checkpoint/writers", 5},
    {"cli/terminal", 0},
    {"cli/manual", 1},
    {"cli", 2},
    {"engine/sampling", 0},
    {"engine", 1},
    {"engine/replay", 2},
    {"engine/loop", 2},
    {"engine/speculation", 3},
    {"engine/local", 4},
    {"engine/measure", 5},
    {"server/http", 0},
    {"server/api", 1},
    {"server/openai", 2},
    {"server/anthropic", 2},
    {"server/texts", 2},
    {"server/web", 2},
    {"server", 3},
    {"text/jinja", 0},
    {"text", 1},
};

// Both within one floor that has rooms.
bool may_include_room(const std::string& from, const std::string& to) {
  return from == to || kRooms.at(to) < kRooms.at(from);
}

// What a line includes, from its opening quote or bracket on: "base/error.h or <map.
std::optional<std::string> included_by(std::string line) {
  std::erase_if(line, [](unsigned char c) { return std::isspace(c); });
  constexpr std::string_view kDirective = "#include";
  if (!line.starts_with(kDirective)) return std::nullopt;
  return line.substr(kDirective.size(), line.find_first_of("\">", kDirective.size() + 1) - kDirective.size());
}

struct Include {
  int line;
  std::string target;
};

std::vector<Include> includes_of(const fs::path& file) {
  std::vector<Include> found;
  std::ifstream in(file);
  std::string text;
  for (int line = 1; std::getline(in, text); ++line)
    if (const auto target = included_by(text)) found.push_back({line, *target});
  return found;
}

std::string first_folder(const std::string& path) { return path.substr(0, path.find('/')); }
std::string room_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
bool has_rooms(const std::string& floor) { return kRooms.contains(floor); }

TEST(Floors, NoIncludePointsUpward) {
  const fs::path src = fs::path(FERRUM_SOURCE_DIR) / "src";
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(src)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
    const fs::path relative = fs::relative(entry.path(), src);
    if (!relative.has_parent_path()) continue;  // main.cpp is above all floors
    ++files;
    const std::string from = first_folder(relative);
    ASSERT_TRUE(kFloors.contains(from)) << relative << " lies on no floor";
    for (const Include& include : includes_of(entry.path())) {
      if (!include.target.starts_with('"')) continue;
      const std::string to = first_folder(include.target.substr(1));
      ASSERT_TRUE(to == "ferrum" || kFloors.contains(to))
          << relative << ":" << include.line << ": " << include.target << "\" names no floor";
      EXPECT_TRUE(may_include(from, to)) << relative << ":" << include.line << " includes " << include.target
                                         << "\": " << from << " may not see " << to;
      if (from != to || !has_rooms(from)) continue;
      const std::string room = room_of(relative), other = room_of(include.target.substr(1));
      ASSERT_TRUE(kRooms.contains(room)) << relative << " lies in no room";
      ASSERT_TRUE(kRooms.contains(other))
          << relative << ":" << include.line << ": " << include.target << "\" names no room";
      EXPECT_TRUE(may_include_room(room, other))
          << relative << ":" << include.line << " includes " << include.target << "\": " << room
          << " may not see " << other;
    }
  }
  EXPECT_GT(files, 15) << "the walk found too little to mean anything";
}

TEST(Floors, TheRuleItselfRefusesWhatItShould) {
  EXPECT_FALSE(may_include("base", "tensor"));
  EXPECT_FALSE(may_include("tensor", "text"));
  EXPECT_FALSE(may_include("backend", "checkpoint"));
  EXPECT_FALSE(may_include("models", "engine"));
  EXPECT_FALSE(may_include("cache", "tensor"));
  EXPECT_FALSE(may_include("grammar", "tensor"));
  EXPECT_TRUE(may_include("tools", "grammar"));
  EXPECT_FALSE(may_include("grammar", "tools"));
  EXPECT_FALSE(may_include("server", "engine"));
  EXPECT_FALSE(may_include("loadgen", "server"));
  EXPECT_FALSE(may_include("hub", "checkpoint"));
  EXPECT_FALSE(may_include("http_client", "ferrum"));
  EXPECT_TRUE(may_include("checkpoint", "text"));
  EXPECT_TRUE(may_include("engine", "ferrum"));
  EXPECT_FALSE(may_include_room("engine/sampling", "engine"));
  EXPECT_FALSE(may_include_room("engine/loop", "engine/speculation"));
  EXPECT_FALSE(may_include_room("engine/local", "engine/measure"));
  EXPECT_TRUE(may_include_room("engine/speculation", "engine/loop"));
  EXPECT_TRUE(may_include_room("engine", "engine"));
  EXPECT_FALSE(may_include_room("backend/cpu", "backend/observers"));
  EXPECT_FALSE(may_include_room("server/openai", "server/anthropic"));
  EXPECT_FALSE(may_include_room("cli/terminal", "cli"));
}

TEST(Floors, OnlyTheCudaBackendSeesCuda) {
  const fs::path src = fs::path(FERRUM_SOURCE_DIR) / "src";
  for (const auto& entry : fs::recursive_directory_iterator(src)) {
    if (!entry.is_regular_file()) continue;
    const std::string relative = fs::relative(entry.path(), src);
    if (relative.starts_with("backend/cuda/") || relative.starts_with("distributed/nccl")) continue;
    for (const Include& include : includes_of(entry.path()))
      for (const char* vendor : {"cuda", "cublas", "cudnn", "nccl", "cub/"})
        EXPECT_FALSE(include.target.substr(1).starts_with(vendor)) << relative << ":" << include.line;
  }
}

}  // namespace
}  // namespace ferrum
