#include "models/latent_attention.h"

namespace ferrum {

LatentAttention::Projected LatentAttention::projected(const AttentionScratch& s, int tokens) const {
  const HeadShape& heads = p_.layer.heads;
  const int plain = heads.q_heads * p_.key_up->cols();
  const Tensor all = shaped(s.qkv, tokens, plain + heads.qkv_width());
  return {.plain = all.columns(0, plain),
          .query = all.columns(0, p_.query->rows()),
          .latent = all.columns(p_.query->rows(), p_.latent->rows()),
          .absorbed = all.columns(p_.query->rows() + p_.latent->rows(), heads.joined_width()),
          .qkv = all.columns(plain, heads.qkv_width())};
}

void LatentAttention::store(Backend& b, Tensor x, const KvLayer& kv, const Step& step,
                            const AttentionScratch& s) const {
  const Projected projected = this->projected(s, x.rows);
  if (p_.query_down) {
    const Tensor down = shaped(s.query_latent, x.rows, p_.query_down->rows());
    b.linear(down, x, *p_.query_down);
    b.norm(down, down, p_.query_norm);
    b.linear(projected.query, down, *p_.query);
  } else {
    b.linear(projected.query, x, *p_.query);
  }
  b.linear(projected.latent, x, *p_.latent);
  b.linear_heads(projected.absorbed, projected.plain, *p_.key_up);
  b.rope_and_store(projected.qkv, kv, step, p_.layer);
}

Tensor LatentAttention::attend(Backend& b, Tensor x, const KvLayer& kv, const Step& step,
                               const AttentionScratch& s) const {
  const Tensor latents = shaped(s.latents, x.rows, p_.layer.heads.out_width());
  const Tensor attended = shaped(s.attended, x.rows, p_.out->cols());
  b.attend(latents, projected(s, x.rows).qkv, kv, step, p_.layer);
  b.linear_heads(attended, latents, *p_.value_up);
  return attended;
}

}  // namespace ferrum
