// Fills the tensors of a file: several threads produce rows while earlier rows are written. Memory is bounded
// by a few pieces of a few megabytes, whatever the file's size.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/function_ref.h"
#include "checkpoint/gguf/gguf_writer.h"

namespace ferrum {

// Fills `out` with whole rows of tensor number `tensor`, from `first_row` on. Called from several
// threads, in any order; may throw.
using MakeRows = std::function<void(size_t tensor, int64_t first_row, std::span<std::byte> out)>;

// Bytes of tensors written, and of all. Called on the caller's thread.
using WriteProgress = std::function<void(uint64_t done, uint64_t total)>;

struct RowPipelineOptions {
  int threads = 0;  // 0: one for each core
  WriteProgress progress;
};

// A tensor as rows of one size.
struct RowsToWrite {
  int64_t rows = 0;
  uint64_t row_bytes = 0;
};

// Gives the bytes of all tensors to `append`, in order, on the caller's thread.
void write_rows(const std::vector<RowsToWrite>& tensors, FunctionRef<void(std::span<const std::byte>)> append,
                const MakeRows& make, const RowPipelineOptions& options);

// Appends all tensors of `header`, which `writer` was made with. The caller finishes the file.
void write_rows(GgufWriter& writer, const GgufHeader& header, const MakeRows& make,
                const RowPipelineOptions& options);

}  // namespace ferrum
