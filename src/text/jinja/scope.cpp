#include "text/jinja/scope.h"

#include <algorithm>

namespace ferrum::jinja {

const Value* Scope::find(NameId name) const {
  for (const Scope* scope = this; scope; scope = scope->parent_)
    for (const auto& [id, value] : scope->values_)
      if (id == name) return &value;
  return nullptr;
}

void Scope::set(NameId name, Value value) {
  const auto it =
      std::find_if(values_.begin(), values_.end(), [name](const auto& entry) { return entry.first == name; });
  if (it != values_.end())
    it->second = std::move(value);
  else
    values_.emplace_back(name, std::move(value));
}

ScopePool::~ScopePool() {
  // Values of one scope may be macros that use another scope: clear all values before destroying a scope.
  for (const auto& scope : all_) scope->values_.clear();
}

Scope& ScopePool::open(Scope* parent) {
  if (free_.empty()) {
    budget_.make(sizeof(Scope));
    all_.push_back(std::make_unique<Scope>());
    free_.push_back(all_.back().get());
  }
  Scope& scope = *free_.back();
  free_.pop_back();
  scope.parent_ = parent;
  return scope;
}

void ScopePool::close(Scope& scope) {
  if (scope.kept_) return;
  scope.values_.clear();
  free_.push_back(&scope);
}

void ScopePool::keep(Scope* scope) {
  for (; scope && !scope->kept_; scope = scope->parent_) scope->kept_ = true;
}

}  // namespace ferrum::jinja
