"""Checkpoints of models with Mamba-2 layers: random weights, and the logits that transformers computes of them in float32.

usage: generate_hybrids.py OUT [NAME...]       needs torch, transformers 5.24, safetensors

Each case has sizes and switches that the published models of its family do not have together. One folder per case: a
Hugging Face checkpoint (bf16) and golden.safetensors with input_ids [1, T] and logits [1, T, V] of every position.
"""
import json, os, sys
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

V, H = 128, 32
COMMON = dict(vocab_size=V, hidden_size=H, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
              bos_token_id=1, eos_token_id=2, pad_token_id=0)
NEMOTRON = dict(COMMON, model_type="nemotron_h", head_dim=16, ssm_state_size=12, mamba_num_heads=6, mamba_head_dim=16, n_groups=2, conv_kernel=4,
                chunk_size=16, mlp_hidden_act="relu2", layer_norm_epsilon=1e-5)
MAMBA = dict(mamba_n_heads=4, mamba_d_head=16, mamba_n_groups=1, mamba_d_state=12, mamba_d_conv=4, mamba_expand=2, mamba_chunk_size=16)
GRANITE = dict(COMMON, **MAMBA, model_type="granitemoehybrid", num_hidden_layers=3, rms_norm_eps=1e-5, embedding_multiplier=6.0, logits_scaling=4.0,
               residual_multiplier=0.22, attention_multiplier=0.05, num_local_experts=4, num_experts_per_tok=2, shared_intermediate_size=40)
BAMBA = dict(COMMON, **MAMBA, model_type="bamba", num_hidden_layers=3, rms_norm_eps=1e-5)
FALCON = dict(COMMON, **MAMBA, model_type="falcon_h1", num_hidden_layers=2, rms_norm_eps=1e-5, mamba_d_ssm=64, lm_head_multiplier=0.5,
              embedding_multiplier=2.0, mlp_multipliers=[0.9, 0.8], key_multiplier=0.6, attention_out_multiplier=0.9, attention_in_multiplier=1.1,
              ssm_multipliers=[0.9, 0.8, 1.1, 1.2, 0.7], ssm_in_multiplier=1.2, ssm_out_multiplier=0.8, rope_parameters=dict(rope_theta=1e5, rope_type="default"))
BIASES = dict(attention_bias=True, mlp_bias=True)


def letters(config):
    """The published spelling of a Nemotron's layers."""
    names = {"linear_attention": "M", "full_attention": "*", "mlp": "-", "moe": "E"}
    config["hybrid_override_pattern"] = "".join(names[x] for x in config.pop("layers_block_type"))
    config["num_hidden_layers"] = len(config["hybrid_override_pattern"])


def mamba_words(config):
    config["layer_types"] = [{"linear_attention": "mamba", "full_attention": "attention"}[x] for x in config["layer_types"]]


CASES = {
    # The spelling of transformers 5; attention first; a step is never short.
    "nemotron_h_switches": (dict(NEMOTRON, layers_block_type=["attention", "mlp", "mamba", "mlp", "mamba"], n_groups=3, conv_kernel=3, mamba_head_dim=20,
                                 use_bias=True, mlp_bias=True, use_conv_bias=False, time_step_min=0.15), None),
    "nemotron_h_latent": (dict(NEMOTRON, layers_block_type=["mamba", "moe", "attention", "mlp", "moe"], moe_latent_size=24, n_routed_experts=6, num_experts_per_tok=2,
                               moe_intermediate_size=20, moe_shared_expert_intermediate_size=28, routed_scaling_factor=1.7, n_group=3, topk_group=2, mlp_bias=True), letters),
    "granite_h_dense": (dict(GRANITE, num_local_experts=0, num_experts_per_tok=0, position_embedding_type="rope", mamba_n_groups=2, mamba_d_conv=3, mamba_proj_bias=True,
                             tie_word_embeddings=False, layer_types=["linear_attention", "full_attention", "linear_attention"], time_step_limit=(0.1, 0.3)), None),
    "granite_h_without_attention": (dict(GRANITE, layer_types=["linear_attention"] * 3, mamba_conv_bias=False, tie_word_embeddings=True), mamba_words),
    "bamba_switches": (dict(BAMBA, **BIASES, attn_layer_indices=[0], mamba_n_groups=2, mamba_proj_bias=True, mamba_conv_bias=False, tie_word_embeddings=True), None),
    "falcon_h1_norm_first": (dict(FALCON, **BIASES, mamba_rms_norm=True, mamba_norm_before_gate=True, mamba_n_groups=2, mamba_d_ssm=48, mamba_n_heads=6, mamba_d_head=8,
                                  projectors_bias=True, mamba_proj_bias=True, head_dim=16), None),
    "falcon_h1_norm": (dict(FALCON, **BIASES, mamba_rms_norm=True, mamba_norm_before_gate=False, mamba_n_groups=4, mamba_d_conv=3, mamba_proj_bias=True, mamba_conv_bias=False,
                            tie_word_embeddings=True), None),
}


def randomize(model, seed):
    g = torch.Generator().manual_seed(seed)
    for name, t in model.named_parameters():
        noise = torch.randn(t.shape, generator=g)
        if name.endswith("A_log"):
            value = torch.log(1 + 15 * torch.rand(t.shape, generator=g))
        elif name.endswith("dt_bias"):
            value = noise - 2
        elif name.endswith(".D") or "norm" in name:
            value = 1 + 0.2 * noise
        else:
            value = noise * (0.5 if "embed" in name else 0.4 if "conv" in name else 0.1 if name.endswith("bias") else 0.2)
        t.data.copy_(value.bfloat16().float())
    for name, t in model.named_buffers():
        if name.endswith("correction_bias"):
            t.copy_(0.1 * torch.randn(t.shape, generator=g))


def case(out, name, seed):
    fields, patch = CASES[name]
    fields = dict(fields)
    config = AutoConfig.for_model(fields.pop("model_type"), **fields)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    randomize(model, seed)
    folder = os.path.join(out, name)
    state = {k: t.to(torch.float32 if "correction_bias" in k else torch.bfloat16) for k, t in model.state_dict().items()}
    if config.tie_word_embeddings and model.lm_head.weight is model.get_input_embeddings().weight:
        state.pop("lm_head.weight")
    model.save_pretrained(folder, state_dict=state)
    path = os.path.join(folder, "config.json")
    config = json.load(open(path))
    if patch:
        patch(config)
    json.dump(config, open(path, "w"), indent=2, sort_keys=True)
    ids = torch.randint(3, V, (1, 28), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits
        again = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")(input_ids=ids, use_cache=False).logits
    assert torch.allclose(logits, again, atol=1e-5), name
    save_file({"input_ids": ids, "logits": logits.contiguous()}, os.path.join(folder, "golden.safetensors"))
    print(name, "max %.2f" % logits.abs().max(), sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)) // 1024, "KB")


torch.set_num_threads(1)
for number, name in enumerate(CASES):
    if len(sys.argv) == 2 or name in sys.argv[2:]:
        case(sys.argv[1], name, 700 + number)
