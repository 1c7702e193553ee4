"""Encoders whose code is not in transformers, computed here by their formulas in float32.

    generate_encoders.py OUT TOKENIZER    # TOKENIZER: a folder with a WordPiece tokenizer.json of up to 384 tokens

Writes OUT/nomic_moe: NomicBERT 2 as a mixture of experts (huggingface.co/nomic-ai/nomic-embed-text-v2-moe): rotation
of halves, layer norms of sums, biases, and in every second layer experts that are not gated. Of the softmax over all
experts the two largest weights are taken as they are; what all experts give together has one bias.
"""
import json, os, shutil, sys
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer

TEXTS = ["how tall is Mount Everest", "Mount Everest is 8,849 m high.", "a", "The quick brown fox jumps over the lazy dog. " * 4,
         "x y z", "Paris is the capital of France, and Berlin that of Germany."]


def rotated(x, theta):  # [tokens, heads, dim]
    half = x.shape[-1] // 2
    angle = torch.arange(x.shape[0])[:, None] / theta ** (torch.arange(half) / half)
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def weights(c, seed):
    g = torch.Generator().manual_seed(seed)
    h, f, e = c["n_embd"], c["n_inner"], c["num_experts"]
    w = {}

    def matrix(name, *shape, scale=0.14):
        w[name] = (scale * torch.randn(*shape, generator=g)).to(torch.bfloat16)

    def norm(name):
        w[name + ".weight"] = (1 + 0.2 * torch.randn(h, generator=g)).to(torch.bfloat16)
        w[name + ".bias"] = (0.1 * torch.randn(h, generator=g)).to(torch.bfloat16)
    matrix("embeddings.word_embeddings.weight", c["vocab_size"], h, scale=0.5)
    matrix("embeddings.token_type_embeddings.weight", c["type_vocab_size"], h, scale=0.3)
    norm("emb_ln")
    for i in range(c["n_layer"]):
        p = f"encoder.layers.{i}."
        for name, rows, cols in [("attn.Wqkv", 3 * h, h), ("attn.out_proj", h, h)]:
            matrix(p + name + ".weight", rows, cols)
            matrix(p + name + ".bias", rows, scale=0.1)
        norm(p + "norm1")
        norm(p + "norm2")
        if i % c["moe_every_n_layers"] == 1:
            matrix(p + "mlp.router.layer.weight", e, h, scale=0.5)
            matrix(p + "mlp.experts.mlp.w1", e * f, h)
            matrix(p + "mlp.experts.mlp.w2", e * f, h)
            matrix(p + "mlp.experts.bias", h, scale=c["expert_bias_scale"])
        else:
            for name, rows, cols in [("mlp.fc1", f, h), ("mlp.fc2", h, f)]:
                matrix(p + name + ".weight", rows, cols)
                matrix(p + name + ".bias", rows, scale=0.1)
    return w


def nomic_moe(w, c, ids):
    w = {k: v.float() for k, v in w.items()}
    h, heads, f, e = c["n_embd"], c["n_head"], c["n_inner"], c["num_experts"]
    norm = lambda x, name: F.layer_norm(x, (h,), w[name + ".weight"], w[name + ".bias"], c["layer_norm_epsilon"])
    linear = lambda x, name: F.linear(x, w[name + ".weight"], w[name + ".bias"])
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "emb_ln")
    for i in range(c["n_layer"]):
        p = f"encoder.layers.{i}."
        q, k, v = linear(x, p + "attn.Wqkv").view(len(ids), 3, heads, h // heads).unbind(1)
        q, k = rotated(q, c["rotary_emb_base"]), rotated(k, c["rotary_emb_base"])
        scores = torch.einsum("thd,shd->hts", q, k) / (h // heads) ** 0.5
        attended = torch.einsum("hts,shd->thd", scores.softmax(-1), v).reshape(len(ids), h)
        x = norm(x + linear(attended, p + "attn.out_proj"), p + "norm1")
        if i % c["moe_every_n_layers"] == 1:
            top, chosen = F.linear(x, w[p + "mlp.router.layer.weight"]).softmax(-1).topk(c["moe_top_k"], -1)
            first, second = (w[p + f"mlp.experts.mlp.w{n}"].view(e, f, h) for n in (1, 2))
            y = torch.zeros_like(x)
            for t in range(len(ids)):
                for weight, expert in zip(top[t], chosen[t]):
                    y[t] += weight * (F.gelu(x[t] @ first[expert].T) @ second[expert])
            y = y + w[p + "mlp.experts.bias"]
        else:
            y = linear(F.gelu(linear(x, p + "mlp.fc1")), p + "mlp.fc2")
        x = norm(x + y, p + "norm2")
    return x


def main():
    out, tokenizer = sys.argv[1:]
    c = {"model_type": "nomic_bert", "architectures": ["NomicBertModel"], "activation_function": "gelu", "causal": False,
         "layer_norm_epsilon": 1e-05, "moe_every_n_layers": 2, "moe_impl": "megablocks", "moe_normalize_expert_weights": False,
         "moe_top_k": 2, "num_experts": 4, "num_shared_experts": 0, "expert_choice_router": False, "n_embd": 32, "n_head": 2,
         "n_inner": 48, "n_layer": 4, "n_positions": 2048, "max_trained_positions": 2048, "prenorm": False,
         "qkv_proj_bias": True, "mlp_fc1_bias": True, "mlp_fc2_bias": True, "rotary_emb_base": 10000.0,
         "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_emb_scale_base": None,
         "rotary_scaling_factor": None, "type_vocab_size": 1, "vocab_size": 384, "parallel_block": False,
         "use_rms_norm": False, "pad_token_id": 0}
    encode = Tokenizer.from_file(os.path.join(tokenizer, "tokenizer.json"))
    encode.no_truncation()
    encode.no_padding()
    ids = [encode.encode(t).ids for t in TEXTS]
    # llama.cpp's converter leaves the experts' bias out, so that it has a folder without one.
    for name, scale in [("nomic_moe", 0.1), ("nomic_moe_unbiased", 0.0)]:
        d = os.path.join(out, name)
        os.makedirs(os.path.join(d, "1_Pooling"), exist_ok=True)
        w = weights({**c, "expert_bias_scale": scale}, 401)
        save_file({k: v.contiguous() for k, v in w.items()}, os.path.join(d, "model.safetensors"), {"format": "pt"})
        json.dump(c, open(os.path.join(d, "config.json"), "w"), indent=1)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(os.path.join(tokenizer, file), os.path.join(d, file))
        limits = os.path.join(d, "tokenizer_config.json")
        settings = json.load(open(limits))
        settings["model_max_length"] = c["n_positions"]  # no text is cut
        json.dump(settings, open(limits, "w"), indent=1)
        json.dump([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                   {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                   {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}],
                  open(os.path.join(d, "modules.json"), "w"))
        json.dump({"word_embedding_dimension": c["n_embd"], "pooling_mode_mean_tokens": True},
                  open(os.path.join(d, "1_Pooling", "config.json"), "w"))
        pooled = torch.stack([F.normalize(nomic_moe(w, c, torch.tensor(i)).mean(0), dim=0) for i in ids])
        save_file({"embeddings": pooled}, os.path.join(d, "golden.safetensors"))
        json.dump({"texts": TEXTS, "ids": ids}, open(os.path.join(d, "golden.json"), "w"), indent=1)


main()
