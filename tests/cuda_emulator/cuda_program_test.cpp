// The program on the emulated GPU, and on GPUs that cannot be used, have too little memory or are lost.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "server/client.h"
#include "support/process.h"

namespace ferrum {
namespace {

using test::Client;
using test::Finished;
using test::Reply;
using test::Terminal;
using Json = nlohmann::json;

const std::string kModel = std::string(FERRUM_SOURCE_DIR) + "/models/demo-dense.gguf";

// What the program finds in its environment, until the test's end.
class CudaProgram : public testing::Test {
 protected:
  ~CudaProgram() override {
    for (const std::string& name : set_) unsetenv(name.c_str());
    setenv("FERRUM_CUDA_LIBRARY", FERRUM_EMULATED_LIBRARY, 1);
  }
  void set(const std::string& name, const std::string& value) {
    set_.push_back(name);
    setenv(name.c_str(), value.c_str(), 1);
  }
  // That no model is computed, and the one line that says why.
  void expect_refused(const std::string& why) {
    const Finished run = test::ferrum({"inspect", kModel, "--backend", "cuda"});
    EXPECT_NE(run.exit_code, 0);
    EXPECT_LT(run.exit_code, 128);
    EXPECT_NE(run.err.find(why), std::string::npos) << run.err;
  }

 private:
  std::vector<std::string> set_;
};

TEST_F(CudaProgram, B59_NoDriver) {
  set("FERRUM_CUDA_LIBRARY", "libcuda-that-is-not-there.so");
  expect_refused("there is no NVIDIA driver here: libcuda-that-is-not-there.so");
}

TEST_F(CudaProgram, B59_NoGpu) {
  set("FERRUM_CUDA_DEVICES", "0");
  expect_refused("there is an NVIDIA driver here, and no GPU");
}

TEST_F(CudaProgram, B59_AnOldDriver) {
  set("FERRUM_CUDA_VERSION", "11080");
  expect_refused("the NVIDIA driver is too old: it is for CUDA 11.8, and 12.0 is needed");
}

TEST_F(CudaProgram, B55_TooLittleMemoryAtLoadIsToldInNumbers) {
  const std::vector<std::string> args = {"run", kModel, "a", "--max-tokens", "1", "--backend", "cuda"};
  set("FERRUM_CUDA_MEMORY", std::to_string(6 << 20));
  const Finished small = test::ferrum(args);
  EXPECT_NE(small.exit_code, 0);
  EXPECT_NE(small.err.find(" are free: "), std::string::npos) << small.err;
  // The same where another process has the rest.
  set("FERRUM_CUDA_MEMORY", std::to_string(900 << 20));
  set("FERRUM_CUDA_OTHERS", std::to_string(894 << 20));
  const Finished shared = test::ferrum(args);
  EXPECT_NE(shared.exit_code, 0);
  EXPECT_NE(shared.err.find(" are free: "), std::string::npos) << shared.err;
}

TEST_F(CudaProgram, CommandsNameTheDeviceAndItsLimits) {
  const Finished inspect = test::ferrum({"inspect", kModel, "--backend", "cuda"});
  EXPECT_NE(inspect.out.find("device: emulated GPU (sm_86), 4 multiprocessors, "), std::string::npos)
      << inspect.out << inspect.err;
  EXPECT_NE(inspect.out.find("of 900.0 MiB free, reads 936 GB/s by its clock"), std::string::npos)
      << inspect.out;
  const Finished json = test::ferrum({"inspect", kModel, "--backend", "cuda", "--json"});
  EXPECT_EQ(Json::parse(json.out)["device"]["memory"], 900 << 20);
  const Finished bench =
      test::ferrum({"bench", kModel, "--backend", "cuda", "-p", "4", "-n", "2", "-r", "1"});
  EXPECT_NE(
      bench.out.find(
          "device: emulated GPU (sm_86), 4 multiprocessors, 900.0 MiB; by its clocks: reading 936 GB/s"),
      std::string::npos)
      << bench.out << bench.err;
}

int port_of(Terminal& server) {
  server.expect("listening at http://127.0.0.1:");
  return std::stoi(server.expect(";"));
}

TEST_F(CudaProgram, TheServerNamesTheDeviceAndItsMemory) {
  Terminal server({"serve", kModel, "--backend", "cuda", "--port", "0"});
  Client client(port_of(server));
  const Json device = client.ask("GET", "/props").json()["models"][0]["device"];
  EXPECT_EQ(device["name"], "emulated GPU");
  EXPECT_EQ(device["memory_bytes"], 900 << 20);
  EXPECT_LT(device["free_bytes"], 900 << 20);
  const std::string metrics = client.ask("GET", "/metrics").body;
  EXPECT_NE(
      metrics.find("ferrum_device_memory_bytes{model=\"demo-dense\",device=\"emulated GPU\"} 943718400"),
      std::string::npos)
      << metrics;
  EXPECT_NE(metrics.find("ferrum_device_lost{model=\"demo-dense\",device=\"emulated GPU\"} 0"),
            std::string::npos);
  server.send(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

// A server whose device is lost says so at every request, in its health and at its end.
void expect_lost(Terminal& server, const std::string& path, const Json& request) {
  Client client(port_of(server));
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
  for (int i = 0; i < 2; ++i) {
    const Reply reply = client.post(path, request.dump());
    EXPECT_EQ(reply.status, 500) << reply.body;
    EXPECT_EQ(reply.json()["error"]["code"], "device_lost");
    EXPECT_NE(reply.error().find("CUDA_ERROR_ILLEGAL_ADDRESS"), std::string::npos) << reply.error();
  }
  const Reply health = client.ask("GET", "/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(health.json()["status"], "device_lost");
  EXPECT_NE(client.ask("GET", "/metrics")
                .body.find("ferrum_device_lost{model=\"demo-dense\",device=\"emulated GPU\"} 1"),
            std::string::npos);
  server.send(SIGTERM);
  EXPECT_EQ(server.wait(), 1);
}

TEST_F(CudaProgram, B57_NothingIsServedByADeviceThatIsLost) {
  set("FERRUM_CUDA_LOST_BEHIND", "300");
  Terminal server({"serve", kModel, "--backend", "cuda", "--port", "0"});
  expect_lost(server, "/v1/completions",
              {{"model", "demo-dense"}, {"prompt", {1, 2, 3, 4}}, {"max_tokens", 40}, {"ignore_eos", true}});
}

TEST_F(CudaProgram, B57_NoEmbeddingsComeFromADeviceThatIsLost) {
  set("FERRUM_CUDA_LOST_BEHIND", "20");
  Terminal server({"serve", kModel, "--backend", "cuda", "--pooling", "last", "--port", "0"});
  expect_lost(server, "/v1/embeddings", {{"model", "demo-dense"}, {"input", {1, 2, 3, 4}}});
}

}  // namespace
}  // namespace ferrum

int main(int argc, char** argv) {
  setenv("FERRUM_CUDA_LIBRARY", FERRUM_EMULATED_LIBRARY, 1);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
