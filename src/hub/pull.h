// Downloads a model from a hub into the cache.
#pragma once
#include <functional>
#include <string>

#include "hub/cache.h"
#include "hub/download.h"
#include "hub/settings.h"

namespace ferrum::hub {

struct PullOptions {
  RetryPolicy retry_policy;
  DownloadOptions download;
};

// A pull's progress.
struct PullProgress {
  enum class Phase { kDownload, kVerify };
  Phase phase = Phase::kDownload;
  std::string file;
  int number = 1;  // of the file
  int files = 1;
  uint64_t done = 0;  // bytes of the file
  uint64_t total = 0;
  uint64_t all_done = 0;  // of all files
  uint64_t all_total = 0;
};

struct PullObserver {
  BackOff::Notify notify;  // events: waiting for another process, retrying, restarting
  std::function<void(const PullProgress&)> progress;
};

// Cached files are not fetched again, and an interrupted pull is resumed. A file is installed only if its
// hash is the one that the hub listed. Throws kNotFound naming the alternatives; kIo saying what to do next;
// kBadFile for names that are not safe to write; kBadArgument while offline.
CachedModel pull(const ModelName& name, const Settings& settings, const PullOptions& options,
                 const PullObserver& observer);

}  // namespace ferrum::hub
