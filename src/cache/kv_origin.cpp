#include "cache/kv_origin.h"

#include "base/error.h"

namespace ferrum {

void require_same(const KvOrigin& saved, const KvOrigin& in_use, const std::string& source) {
  const auto refuse = [&](const std::string& difference) {
    fail(ErrorCode::kBadArgument, "{}: {}", source, difference);
  };
  const std::string model = in_quotes(saved.model);
  if (saved.fingerprint != in_use.fingerprint) {
    if (saved.model == in_use.model)
      refuse(fmt::format("saved with another model of the same name, {}: their weights differ", model));
    refuse(fmt::format("saved with the model {}, but {} is loaded", model, in_quotes(in_use.model)));
  }
  if (saved.layers != in_use.layers)  // of the same weights: an MTP head's is one more
    refuse(fmt::format(
        "saved {} a head that predicts further tokens (--speculate mtp), but the model in use runs {} it",
        saved.layers > in_use.layers ? "with" : "without",
        saved.layers > in_use.layers ? "without" : "with"));
  if (saved.dtype != in_use.dtype)
    refuse(fmt::format("its keys and values are {}, but those in use are {}", in_quotes(saved.dtype),
                       in_quotes(in_use.dtype)));
  if (saved.arithmetic != in_use.arithmetic)
    refuse(fmt::format("computed with {}, but {} is in use, which gives slightly different numbers",
                       in_quotes(saved.arithmetic), in_quotes(in_use.arithmetic)));
  if (saved.rotation != in_use.rotation)
    refuse(fmt::format("its positions are scaled for a context of {} tokens, but those in use for one of {}",
                       saved.context, in_use.context));
  if (saved.block_tokens != in_use.block_tokens)
    refuse(fmt::format("its blocks have {} tokens, but those in use have {}", saved.block_tokens,
                       in_use.block_tokens));
  const auto shape = [](const KvOrigin& o) {
    return fmt::format("{} layers with {} heads of {} = {} bytes for a block", o.layers, o.kv_heads,
                       o.head_dim, o.block_bytes);
  };
  if (shape(saved) != shape(in_use))
    refuse(fmt::format("it has {}, but the model in use has {}", shape(saved), shape(in_use)));
  if (saved.windows != in_use.windows)
    refuse("its layers with a window are stored differently: --max-context or --max-sequences differ");
}

}  // namespace ferrum
