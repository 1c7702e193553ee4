// Getting a model by name from a hub into the cache.
#pragma once
#include <functional>
#include <string>

#include "hub/cache.h"
#include "hub/download.h"
#include "hub/settings.h"

namespace ferrum::hub {

struct PullOptions {
  Patience patience;
  DownloadOptions download;
};

// How far a pull is.
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
  BackOff::Notify notify;  // what happens: waiting for another process, trying again, starting over
  std::function<void(const PullProgress&)> progress;
};

// What is there already is not fetched again, and what a pull before left unfinished is gone on with. Nothing
// is installed whose hash is not what the hub listed. Errors: kNotFound naming what there is instead; kIo
// saying what to do next; kBadFile for names that are not safe to write; kBadArgument while offline.
CachedModel pull(const ModelName& name, const Settings& settings, const PullOptions& options,
                 const PullObserver& observer);

}  // namespace ferrum::hub
