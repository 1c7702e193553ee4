// The draws of a step as the host writes them down, before they go to the backend.
#pragma once
#include <span>
#include <vector>

#include "backend/draw.h"
#include "engine/sampling/token_counts.h"
#include "text/token.h"

namespace ferrum {

class DrawList {
 public:
  // Tokens are below `vocab`. Rows of logits have `width` columns, which are fewer where a smaller model
  // proposes tokens for this vocabulary: edits of tokens past them are left out.
  DrawList(int vocab, int width);
  explicit DrawList(int vocab) : DrawList(vocab, vocab) {}

  void clear();
  // The draws added from now on are made in order, up to the next group. Groups share no row.
  void begin_group();
  // Adds a draw of this row of logits. The reference is valid until the next is added.
  Draw& add(int row);
  // Adds a draw like the last one, with the same edits. No more of them may be added.
  Draw& add_alike();
  // The edit of this token for the draw added last: where it has one already, that one. Valid until the next.
  LogitEdit& edit(TokenId id);
  Draw& last() { return draws_.back(); }
  // A mask for the draw added last, of mask_words() words (backend/draw.h); all bits are 0. Valid until the
  // next.
  std::span<uint32_t> add_mask();
  // The mask added last goes again: its draw has none.
  void take_back_mask();

  int vocab() const { return vocab_; }
  int width() const { return width_; }
  int size() const { return static_cast<int>(draws_.size()); }
  std::span<const Draw> draws() const { return draws_; }
  std::span<const LogitEdit> edits() const { return edits_; }
  std::span<const int32_t> groups() const { return groups_; }  // the first draw of each
  std::span<const uint32_t> masks() const { return masks_; }   // one behind the other, in the order of draws
  size_t mask_words() const { return (static_cast<size_t>(vocab_) + 31) / 32; }

  // Scratch of the code that makes edits.
  TokenCounts& counts() { return counts_; }
  std::vector<int>& matches() { return matches_; }

 private:
  void forget_places();

  int vocab_;
  int width_;
  std::vector<Draw> draws_;
  std::vector<LogitEdit> edits_;  // of each draw side by side
  std::vector<int32_t> groups_;
  std::vector<uint32_t> masks_;
  std::vector<int32_t> places_;  // [vocab]  of the last draw's edits, or −1
  LogitEdit left_out_;
  TokenCounts counts_;
  std::vector<int> matches_;  // [window]
};

}  // namespace ferrum
