// The local model cache, in the layout that all Hugging Face tools share:
//
//   models--ORG--NAME/blobs/HASH                  the contents, named by their hash
//   models--ORG--NAME/snapshots/COMMIT/FILE       relative links to blobs, with the repository's file names
//   models--ORG--NAME/refs/REVISION               the commit of a branch or tag
//   .locks/models--ORG--NAME/HASH.lock            held while a process writes the blob
//
// https://huggingface.co/docs/hub/local-cache
#pragma once
#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/model_name.h"
#include "hub/offers.h"

namespace ferrum::hub {

// Looks up an environment variable.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub. Throws
// kBadArgument if there is no home folder either.
std::filesystem::path cache_folder(const Environment& environment);
// Its parent folder: $HF_HOME and so on.
std::filesystem::path hub_home(const Environment& environment);

struct CachedModel {
  std::string name;  // selects this model: "org/repo:Q4_K_M"
  ModelName parts;
  Offer offer;
  std::string commit;
  std::filesystem::path folder;  // the snapshot
  std::filesystem::path path;    // argument of Checkpoint::open: the file, its first part, or the snapshot
  std::time_t modified = 0;      // when the newest of its files was written
};

class Cache {
 public:
  explicit Cache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path repo_folder(const std::string& repo) const;
  std::filesystem::path lock_folder(const std::string& repo) const;

  // All complete models by name. Opens and writes nothing; a missing folder is an empty cache.
  std::vector<CachedModel> models() const;
  // The cached model that a name refers to.
  std::optional<CachedModel> find(const ModelName& name) const;

  struct Removal {
    uint64_t bytes = 0;  // freed
    uint64_t kept = 0;   // bytes of the model that other revisions still use
  };
  // Removes the model's files from every snapshot that has the same ones, and the blobs that are then unused.
  // Throws kIo if another process is writing one of them, or the folder is read-only.
  Removal remove(const CachedModel& model) const;

 private:
  struct Snapshot {
    std::string commit;
    std::filesystem::path folder;
    std::vector<RepoFile> files;  // `hash` is the blob's name
    std::vector<Offer> offers;
    std::time_t modified = 0;
  };
  // Snapshots of the requested revision first, then the newest.
  std::vector<Snapshot> snapshots_of(const std::string& repo, const std::string& first_revision) const;
  std::optional<std::string> commit_of(const std::string& repo, const std::string& revision) const;
  CachedModel model_of(const std::string& repo, const std::string& revision, const Snapshot& snapshot,
                       const Offer& offer) const;

  std::filesystem::path folder_;
};

}  // namespace ferrum::hub
