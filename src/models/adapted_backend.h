// The backend as a model with adapters uses it: behind each product of a weight it adds what the adapters of
// the rows add. The wiring knows nothing of adapters, so that they may change any weight of any architecture.
#pragma once
#include <vector>

#include "backend/arena.h"
#include "backend/observers/forwarding_backend.h"
#include "checkpoint/model_description.h"
#include "models/adapter_tables.h"

namespace ferrum {

class AdaptedBackend final : public ForwardingBackend {
 public:
  struct Limits {
    int slots = 0;   // adapters in use at once
    int tokens = 0;  // rows of the largest step
  };
  // `inner` must outlive this object.
  AdaptedBackend(Backend& inner, const ModelDescription& model, const Limits& limits,
                 std::vector<WeightOrigin> origins);
  // What the constructor allocates.
  static size_t bytes(const ModelDescription& model, const Limits& limits);

  AdapterTables& tables() { return tables_; }
  // The rows of the products that follow: all of the step, or those that are read out.
  void begin(const Step& step);

  void embed(Tensor out, const Weight& table, Tensor tokens) override;
  void linear(Tensor out, Tensor x, const Weight& w) override;
  void linear_heads(Tensor out, Tensor x, const Weight& w) override;
  void expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) override;
  void experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
               const Activation& activation) override;

 private:
  struct Room {
    Room(Arena& arena, const ModelDescription& model, const Limits& limits);

    Tensor low;       // inner products of a block of rows, or fewer, with the most ranks
    Tensor expanded;  // [tokens, widest], before the activation
    // Of kExpertRows rows with their experts: inputs, and what the first product, the activation and the
    // second product make of them; the sum of that; ids and weights of the experts.
    Tensor inputs, up, inner, down;  // [rows × top_k, …]
    Tensor sum;                      // [rows, …]
    Tensor ids, weights;             // [rows, top_k]
  };
  // The adapters of as many rows; null: none has one.
  const StepAdapters* adapters_of(int rows) const;
  void add_adapters(Tensor out, Tensor x, const AdapterTables::Entry& entry, const AdapterRows& rows);
  // What is added to the products of a weight; null: nothing.
  const AdapterTables::Entry* added_to(const Weight& w, const StepAdapters* adapters) const;
  // Room for the inner products of one block of the rows.
  Tensor low_of(int rows, const AdapterTables::Entry& entry) const;

  BackendArena arena_;
  Room room_;
  AdapterTables tables_;
  StepShape shape_;
  StepAdapters adapters_, output_adapters_;
};

}  // namespace ferrum
