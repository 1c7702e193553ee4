// Coding agents, and how each is pointed at a server: by the environment variables and arguments that
// its own documents name. No file of the user's is read or written.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::cli {

// What the agent talks to.
struct AgentServer {
  std::string url;    // "http://127.0.0.1:8000"
  std::string model;  // its name there
  std::string key;    // never empty: agents ask for one
  int context = 0;    // tokens; 0: unknown
};

struct AgentCall {
  std::vector<std::string> arguments;              // in front of the user's own
  std::map<std::string, std::string> environment;  // of these variables; others are the user's
  std::vector<std::string> unset;                  // variables that would lead it elsewhere
};

struct Agent {
  std::string_view name;     // as users say it, and the program's
  std::string_view title;    // "Claude Code"
  std::string_view package;  // of npm
  AgentCall (*call)(const AgentServer& server);
};

const std::vector<Agent>& agents();
std::vector<std::string> agent_names();
const Agent& agent_named(std::string_view name);  // error kNotFound

}  // namespace ferrum::cli
