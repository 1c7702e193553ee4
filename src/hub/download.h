// Downloads one file over several connections.
#pragma once
#include <functional>
#include <string>

#include "hub/hub_api.h"
#include "hub/partial_file.h"

namespace ferrum::hub {

struct DownloadOptions {
  int connections = 8;
  uint64_t most_of_a_range = 32 << 20;  // the maximum number of bytes per request
  PartialFile::Options partial;
};

// A file and its source.
struct Download {
  std::string repo;
  std::string commit;
  RepoFile file;
};

// Fetches the missing ranges of `partial` until it is complete. An interrupted request is retried, at once
// after progress and with back-off otherwise. `received` is called with the number of bytes received, by one
// thread at a time. Throws kIo if the hub refuses, keeps failing or sends other contents (fault B63), or if
// the disk is full (fault B62); received blocks are kept.
void download(const Download& what, PartialFile& partial, HubApi& api, Servers& servers,
              const RetryPolicy& retry_policy, const DownloadOptions& options, const BackOff::Notify& notify,
              const std::function<void(uint64_t bytes)>& received);

}  // namespace ferrum::hub
