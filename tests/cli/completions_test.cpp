// Completion scripts: bash is run to complete words; the other shells check that they can read theirs.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "support/files.h"
#include "support/process.h"

namespace ferrum {
namespace {

struct Output {
  int status = -1;
  std::string text;
};

Output shell(const std::string& command) {
  Output output;
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  for (size_t n; pipe && (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.text.append(buffer, n);
  if (pipe) output.status = pclose(pipe);
  return output;
}

bool is_there(const std::string& program) { return shell("command -v " + program).status == 0; }

class Completions : public testing::Test {
 protected:
  std::string script(const std::string& of) {
    return folder_.write("ferrum." + of, test::ferrum({"completions", of}).out).string();
  }

  // What bash offers for the last word, in the folder with a file model.gguf.
  std::set<std::string> offered(const std::vector<std::string>& words) {
    if (script_.empty()) script_ = script("bash");
    std::string line = "cd " + files_.path().string() + "; . " + script_ + "; COMP_WORDS=(";
    for (const std::string& word : words) line += " '" + word + "'";
    line += "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _ferrum; printf \"%s\\n\" \"${COMPREPLY[@]}\"";
    const Output output = shell("bash --norc -c " + quoted(line));
    EXPECT_EQ(output.status, 0) << output.text;
    std::set<std::string> all;
    std::istringstream lines(output.text);
    for (std::string each; std::getline(lines, each);)
      if (!each.empty()) all.insert(each);
    return all;
  }

  static std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
  }

  test::TemporaryFolder folder_;
  test::TemporaryFolder files_;
  std::string script_;
};

using Words = std::set<std::string>;

TEST_F(Completions, BashCompletesCommands) {
  EXPECT_EQ(offered({"ferrum", "ser"}), Words({"serve"}));
  EXPECT_EQ(offered({"ferrum", "-v", "inspe"}), Words({"inspect"}));
  EXPECT_EQ(offered({"ferrum", "help", "ru"}), Words({"run"}));
  EXPECT_GT(offered({"ferrum", ""}).size(), 10u);
  EXPECT_TRUE(offered({"ferrum", "--ver"}).contains("--version"));
}

TEST_F(Completions, BashCompletesOptionsAndTheirValues) {
  EXPECT_EQ(offered({"ferrum", "run", "m", "--tempe"}), Words({"--temperature"}));
  EXPECT_EQ(offered({"ferrum", "run", "--kv-dtype", ""}), Words({"f16", "bf16", "f32", "int8"}));
  EXPECT_EQ(offered({"ferrum", "run", "--kv-dtype", "=", "b"}), Words({"bf16"})) << "--kv-dtype=b";
  EXPECT_EQ(offered({"ferrum", "run", "--kv-dtype", "="}), Words({"f16", "bf16", "f32", "int8"}));
  EXPECT_EQ(offered({"ferrum", "completions", ""}), Words({"bash", "zsh", "fish"}));
  EXPECT_TRUE(offered({"ferrum", "inspect", "--temp"}).empty()) << "of another command";
  EXPECT_TRUE(offered({"ferrum", "run", "--verb"}).contains("--verbose"));
}

TEST_F(Completions, BashCompletesFilesWhereTheyBelong) {
  files_.write("model.gguf", "");
  files_.write("a name.gguf", "");
  EXPECT_EQ(offered({"ferrum", "run", "mod"}), Words({"model.gguf"}));
  EXPECT_EQ(offered({"ferrum", "run", "a"}), Words({"a name.gguf"}));
  EXPECT_EQ(offered({"ferrum", "run", "--threads", "2", "mod"}), Words({"model.gguf"})) << "2 is no MODEL";
  EXPECT_EQ(offered({"ferrum", "run", "--threads", "=", "2", "mod"}), Words({"model.gguf"}));
  EXPECT_EQ(offered({"ferrum", "run", "--draft", "mod"}), Words({"model.gguf"}));
  EXPECT_EQ(offered({"ferrum", "convert", "x", "mod"}), Words({"model.gguf"}));
  EXPECT_TRUE(offered({"ferrum", "run", "x", "mod"}).empty()) << "a PROMPT is no file";
  EXPECT_TRUE(offered({"ferrum", "run", "--system", "mod"}).empty());
}

TEST_F(Completions, BashCompletesThePathOfANamedModel) {
  files_.write("model.gguf", "");
  const Words model = {"model.gguf"};
  EXPECT_EQ(offered({"ferrum", "serve", "--model", "fast", "=", "mod"}), model);
  EXPECT_EQ(offered({"ferrum", "serve", "--model", "fast", "="}), model);
  EXPECT_EQ(offered({"ferrum", "serve", "--model", "=", "fast", "=", "mod"}), model);
  EXPECT_EQ(offered({"ferrum", "serve", "--model", "fast", "=", "x", "mod"}), model) << "MODEL";
  EXPECT_EQ(offered({"ferrum", "serve", "--model", "fast=mod"}), Words({"fast=model.gguf"}))
      << "where bash does not cut words at equals signs";
  EXPECT_TRUE(offered({"ferrum", "serve", "--model", "mod"}).empty()) << "a name comes first";
  EXPECT_TRUE(offered({"ferrum", "serve", "--host", "a", "=", "mod"}).empty());
}

// Where Ferrum lists them; bash cuts words at colons.
TEST_F(Completions, BashCompletesNamesOfModels) {
  script_ = script("bash");
  script_ = folder_
                .write("with_names", test::read_file(script_) +
                                         "_ferrum_names() { echo org/model:Q4_K_M; echo org/model:Q8_0; }\n")
                .string();
  EXPECT_EQ(offered({"ferrum", "run", "org"}), Words({"org/model:Q4_K_M", "org/model:Q8_0"}));
  EXPECT_EQ(offered({"ferrum", "run", "org/model", ":"}), Words({"Q4_K_M", "Q8_0"}));
  EXPECT_EQ(offered({"ferrum", "run", "org/model", ":", "Q8"}), Words({"Q8_0"}));
  EXPECT_EQ(offered({"ferrum", "run", "org/model:Q8"}), Words({"org/model:Q8_0"}));
  EXPECT_EQ(offered({"ferrum", "run", "--draft", "org/model", ":", "Q8"}), Words({"Q8_0"}));
  EXPECT_EQ(offered({"ferrum", "serve", "--model", "fast", "=", "org/model", ":"}),
            Words({"Q4_K_M", "Q8_0"}));
  files_.write("text.gguf", "");
  EXPECT_EQ(offered({"ferrum", "perplexity", "org/model", ":", "Q8_0", "te"}), Words({"text.gguf"}));
}

TEST_F(Completions, BashReadsItWithoutAWord) {
  const Output output = shell("bash --norc -u -c '. " + script("bash") + "; complete -p ferrum'");
  EXPECT_EQ(output.text, "complete -F _ferrum ferrum\n");
}

TEST_F(Completions, ZshReadsIt) {
  if (!is_there("zsh")) GTEST_SKIP() << "there is no zsh";
  const Output output = shell("zsh -n " + script("zsh"));
  EXPECT_EQ(output.status, 0);
  EXPECT_EQ(output.text, "");
}

// Its completion runs in a line editor only, so another zsh gets a pseudo-terminal and types a Tab.
TEST_F(Completions, ZshCompletesCommandsOptionsAndFiles) {
  if (!is_there("zsh")) GTEST_SKIP() << "there is no zsh";
  std::filesystem::copy_file(script("zsh"), folder_.path() / "_ferrum");
  files_.write("model.gguf", "");
  const std::string driver = folder_
                                 .write("driver", R"zsh(
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; cd $2; print REA''DY"
zpty -r z all '*READY*'
zpty -n -w z "$3"$'\t'
zpty -n -w z $'\x01print -r -- "GOT:\x05:END"\n'
zpty -r z all $'*:END\r*'
print -r -- "${(MS)all##GOT:[a-z]*:END}"
)zsh")
                                 .string();
  const auto completed = [&](const std::string& typed) {
    return shell("timeout 60 zsh -f " + driver + " " + folder_.path().string() + " " +
                 files_.path().string() + " " + quoted(typed))
        .text;
  };
  const auto becomes = [&](const std::string& typed, const std::string& whole) {
    const std::string text = completed(typed);
    EXPECT_NE(text.find("GOT:" + whole + ":END"), std::string::npos) << typed << ": " << text;
  };
  becomes("ferrum inspe", "ferrum inspect");
  becomes("ferrum run --kv-d", "ferrum run --kv-dtype");
  becomes("ferrum run --kv-dtype in", "ferrum run --kv-dtype int8");
  becomes("ferrum run mod", "ferrum run model.gguf");
  becomes("ferrum serve --model fast=mod", "ferrum serve --model fast=model.gguf");
}

TEST_F(Completions, FishCompletesCommandsAndOptions) {
  if (!is_there("fish")) GTEST_SKIP() << "there is no fish";
  const std::string file = script("fish");
  const Output read = shell("fish --no-execute " + file);
  EXPECT_EQ(read.status, 0);
  EXPECT_EQ(read.text, "");
  const auto completed = [&](const std::string& typed) {
    return shell("fish --no-config -c " + quoted("source " + file + "; complete -C '" + typed + "'")).text;
  };
  EXPECT_NE(completed("ferrum inspe").find("inspect\t"), std::string::npos);
  EXPECT_NE(completed("ferrum run --tempera").find("--temperature\t"), std::string::npos);
  EXPECT_NE(completed("ferrum run --kv-dtype in").find("int8\t"), std::string::npos);
  files_.write("model.gguf", "");
  EXPECT_NE(completed("ferrum serve --model fast=" + files_.path().string() + "/mod").find("/model.gguf"),
            std::string::npos);
}

TEST(CompletionsOfNothing, AShellThatIsNone) {
  const test::Finished done = test::ferrum({"completions", "bsh"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_NE(done.err.find("did you mean bash?"), std::string::npos) << done.err;
}

}  // namespace
}  // namespace ferrum
