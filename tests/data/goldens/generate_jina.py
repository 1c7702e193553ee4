"""Jina embeddings 2 and rerankers 1, whose code is not in transformers, computed here by their formulas in float32.

    generate_jina.py OUT TOKENIZER    # TOKENIZER: a folder with a WordPiece tokenizer.json of up to 384 tokens

Writes OUT/jina_v2 (the form of huggingface.co/jinaai/jina-bert-implementation), OUT/jina_v2_code (that of
jinaai/jina-bert-v2-qk-post-norm) and OUT/jina_reranker: BERT whose scores fall with the distance of two tokens, by
a slope for each head (arXiv 2108.12409, in both directions), and whose feed-forward layers are gated by GELU. Six
heads, so that two of them have slopes of the eight that a power of two would give. The second form has layer norms
of q and k, the gate behind what it gates, and a second norm behind the attention, which adds the layer's input again.
"""
import json, math, os, shutil, sys
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer

TEXTS = ["how tall is Mount Everest", "Mount Everest is 8,849 m high.", "a", "The quick brown fox jumps over the lazy dog. " * 4,
         "x y z", "Paris is the capital of France, and Berlin that of Germany."]
PAIRS = [["how tall is Everest", "Mount Everest is 8,849 m high."], ["how tall is Everest", "Paris is in France."], ["a", "b"]]


def slopes(heads):
    whole = 2 ** int(math.log2(heads))
    power = lambda n: [2 ** (-8 * (i + 1) / n) for i in range(n)]
    return torch.tensor(power(whole) + power(2 * whole)[::2][: heads - whole])


def names(is_code):
    """The tensors of a layer: of the norm behind the attention's sum, the second one, of the feed-forward layer."""
    if is_code:
        return {"up": "mlp.up_gated_layer", "down": "mlp.down_layer", "last_norm": "layer_norm_2"}
    return {"up": "mlp.gated_layers", "down": "mlp.wo", "last_norm": "mlp.layernorm"}


def weights(c, is_code, seed):
    g = torch.Generator().manual_seed(seed)
    h, f = c["hidden_size"], c["intermediate_size"]
    of = names(is_code)
    w = {}

    def matrix(name, *shape, scale=0.14):
        w[name] = (scale * torch.randn(*shape, generator=g)).to(torch.bfloat16)

    def norm(name):
        w[name + ".weight"] = (1 + 0.2 * torch.randn(h, generator=g)).to(torch.bfloat16)
        w[name + ".bias"] = (0.1 * torch.randn(h, generator=g)).to(torch.bfloat16)

    def linear(name, rows, cols):
        matrix(name + ".weight", rows, cols)
        matrix(name + ".bias", rows, scale=0.1)
    matrix("embeddings.word_embeddings.weight", c["vocab_size"], h, scale=0.5)
    matrix("embeddings.token_type_embeddings.weight", c["type_vocab_size"], h, scale=0.3)
    norm("embeddings.LayerNorm")
    for i in range(c["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        for name in ("query", "key", "value"):
            linear(p + "attention.self." + name, h, h)
        linear(p + "attention.output.dense", h, h)
        norm(p + "attention.output.LayerNorm")
        if is_code:
            for name in ("attention.self.layer_norm_q", "attention.self.layer_norm_k", "layer_norm_1"):
                norm(p + name)
        matrix(p + of["up"] + ".weight", 2 * f, h)
        linear(p + of["down"], h, f)
        norm(p + of["last_norm"])
    linear("pooler.dense", h, h)
    return w


def states(w, c, is_code, ids, types):
    w = {k: v.float() for k, v in w.items()}
    h, heads, f = c["hidden_size"], c["num_attention_heads"], c["intermediate_size"]
    of = names(is_code)
    norm = lambda x, name: F.layer_norm(x, (h,), w[name + ".weight"], w[name + ".bias"], c["layer_norm_eps"])
    linear = lambda x, name: F.linear(x, w[name + ".weight"], w[name + ".bias"])
    position = torch.arange(len(ids))
    falls = slopes(heads)[:, None, None] * (position[:, None] - position[None]).abs()
    x = norm(w["embeddings.word_embeddings.weight"][ids] + w["embeddings.token_type_embeddings.weight"][types],
             "embeddings.LayerNorm")
    for i in range(c["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        q, k, v = (linear(x, p + "attention.self." + name) for name in ("query", "key", "value"))
        if is_code:
            q, k = norm(q, p + "attention.self.layer_norm_q"), norm(k, p + "attention.self.layer_norm_k")
        q, k, v = (t.view(len(ids), heads, h // heads) for t in (q, k, v))
        scores = torch.einsum("thd,shd->hts", q, k) / (h // heads) ** 0.5 - falls
        attended = torch.einsum("hts,shd->thd", scores.softmax(-1), v).reshape(len(ids), h)
        y = norm(x + linear(attended, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        x = norm(x + y, p + "layer_norm_1") if is_code else y
        first, second = F.linear(x, w[p + of["up"] + ".weight"]).split(f, -1)
        gated = first * F.gelu(second) if is_code else F.gelu(first) * second
        x = norm(x + linear(gated, p + of["down"]), p + of["last_norm"])
    return x


def config(repository, class_name, **more):
    return {"architectures": [class_name], "attention_probs_dropout_prob": 0.0, "attn_implementation": None,
            "auto_map": {"AutoConfig": repository + "--configuration_bert.JinaBertConfig",
                         "AutoModel": repository + "--modeling_bert.JinaBertModel"},
            "classifier_dropout": None, "emb_pooler": "mean", "feed_forward_type": "geglu", "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1, "hidden_size": 48, "initializer_range": 0.02, "intermediate_size": 40,
            "layer_norm_eps": 1e-12, "max_position_embeddings": 8192, "model_max_length": 8192, "model_type": "bert",
            "num_attention_heads": 6, "num_hidden_layers": 2, "pad_token_id": 0, "position_embedding_type": "alibi",
            "torch_dtype": "bfloat16", "type_vocab_size": 2, "use_cache": True, "vocab_size": 384, **more}


def write(folder, tokenizer, c, w, golden, **told):
    os.makedirs(folder, exist_ok=True)
    save_file({k: v.contiguous() for k, v in w.items()}, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    json.dump(c, open(os.path.join(folder, "config.json"), "w"), indent=1)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(os.path.join(tokenizer, file), os.path.join(folder, file))
    limits = os.path.join(folder, "tokenizer_config.json")
    settings = json.load(open(limits))
    settings["model_max_length"] = c["model_max_length"]  # no text is cut
    settings["tokenizer_class"] = "BertTokenizer"  # whose second text of a pair has type 1
    json.dump(settings, open(limits, "w"), indent=1)
    save_file(golden, os.path.join(folder, "golden.safetensors"))
    json.dump(told, open(os.path.join(folder, "golden.json"), "w"), indent=1)


def main():
    out, tokenizer = sys.argv[1:]
    encode = Tokenizer.from_file(os.path.join(tokenizer, "tokenizer.json"))
    encode.no_truncation()
    encode.no_padding()
    ids = [encode.encode(t).ids for t in TEXTS]
    for name, repository, is_code in [("jina_v2", "jinaai/jina-bert-implementation", False),
                                      ("jina_v2_code", "jinaai/jina-bert-v2-qk-post-norm", True)]:
        c = config(repository, "JinaBertForMaskedLM")
        w = weights(c, is_code, 501)
        pooled = torch.stack([states(w, c, is_code, torch.tensor(i), torch.zeros_like(torch.tensor(i))).mean(0) for i in ids])
        write(os.path.join(out, name), tokenizer, c, w, {"embeddings": pooled}, texts=TEXTS, ids=ids)
    # Published with the class that embeds: the classifier is known by its tensors.
    c = config("jinaai/jina-reranker-v1-turbo-en", "JinaBertModel", hidden_size=24, num_attention_heads=3, intermediate_size=16,
               num_hidden_layers=1)
    del c["architectures"]
    w = weights(c, False, 502)
    g = torch.Generator().manual_seed(503)
    w["classifier.weight"] = torch.randn(1, 24, generator=g).to(torch.bfloat16)
    w["classifier.bias"] = torch.tensor([0.1]).to(torch.bfloat16)
    encoded = [encode.encode(*pair) for pair in PAIRS]
    logits = []
    for e in encoded:
        first = states(w, c, False, torch.tensor(e.ids), torch.tensor(e.type_ids))[0]
        pooled = torch.tanh(F.linear(first, w["pooler.dense.weight"].float(), w["pooler.dense.bias"].float()))
        logits.append(F.linear(pooled, w["classifier.weight"].float(), w["classifier.bias"].float()))
    write(os.path.join(out, "jina_reranker"), tokenizer, c, w, {"logits": torch.stack(logits)}, pairs=PAIRS,
          ids=[e.ids for e in encoded])


main()
