// The bytes of one file, over several connections at once.
#pragma once
#include <functional>
#include <string>

#include "hub/hub_api.h"
#include "hub/partial_file.h"

namespace ferrum::hub {

struct DownloadOptions {
  int connections = 8;
  uint64_t most_of_a_range = 32 << 20;  // bytes that one request asks for
  PartialFile::Options partial;
};

// What is fetched, from where.
struct Download {
  std::string repo;
  std::string commit;
  RepoFile file;
};

// Fetches what is missing of `partial`, until all of it is there. Whatever breaks off is tried again while
// something comes, and after pauses where nothing does. `received` is called with the bytes that came, by one
// thread at a time. Error kIo: the hub refuses, keeps failing, sends other contents (fault B63), or the disk
// is full (fault B62); what came is kept.
void download(const Download& what, PartialFile& partial, HubApi& api, Servers& servers,
              const Patience& patience, const DownloadOptions& options, const BackOff::Notify& notify,
              const std::function<void(uint64_t bytes)>& received);

}  // namespace ferrum::hub
