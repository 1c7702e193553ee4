"""Checkpoints of models that are others with a few switches set: random weights, and the logits that transformers computes of them in float32.

usage: generate_relatives.py OUT [NAME...]       needs torch, transformers 5.24, safetensors

One folder per case: a Hugging Face checkpoint (bf16) in the published spelling, and golden.safetensors with input_ids [1, T] and logits
[1, T, V] of every position.
"""
import json, os, sys
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

V, H = 128, 32
COMMON = dict(vocab_size=V, hidden_size=H, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
              bos_token_id=1, eos_token_id=2)
EXPERTS = dict(moe_intermediate_size=20, num_experts_per_tok=2)
DOTS = dict(EXPERTS, n_routed_experts=8, n_shared_experts=1, routed_scaling_factor=1.7)
VISION = dict(depth=1, num_hidden_layers=1, hidden_size=16, intermediate_size=16, num_heads=2, out_hidden_size=H, num_position_embeddings=16, patch_size=2,
              spatial_patch_size=2, embed_dim=16, mlp_ratio=1, fullatt_block_indexes=[0], deepstack_visual_indexes=[0], window_size=8)
FALCON = dict(model_type="falcon", vocab_size=V, hidden_size=H, num_hidden_layers=3, num_attention_heads=4, bos_token_id=1, eos_token_id=2)
LLAMA4 = dict(COMMON, intermediate_size=20, intermediate_size_mlp=48, head_dim=12, num_local_experts=6, num_experts_per_tok=1)
MAVERICK = dict(num_local_experts=128, num_experts_per_tok=2, intermediate_size=4)
LLAMA4_VISION = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vision_output_dim=16, image_size=8, patch_size=4,
                     projector_input_dim=16, projector_output_dim=16)
GPT2 = dict(vocab_size=V, n_embd=H, n_layer=3, n_head=4, layer_norm_epsilon=1e-3, bos_token_id=1, eos_token_id=2)
STEP_ROPES = dict(rope_theta=[2e4, 1e4, 1e4, 2e4, 1e4], partial_rotary_factors=[0.5, 1.0, 1.0, 0.5, 1.0],
                  rope_scaling=dict(rope_type="llama3", factor=2.0, original_max_position_embeddings=16, low_freq_factor=1.0, high_freq_factor=32.0))
STEP = dict(COMMON, **STEP_ROPES, num_hidden_layers=5, head_dim=12, moe_intermediate_size=20, share_expert_dim=28, n_routed_experts=8,
            num_experts_per_tok=2, num_sliding_attention_heads=6, sliding_window=8, moe_router_scaling_factor=1.7,
            layer_types=["full_attention", "sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
            mlp_layer_types=["dense", "dense", "sparse", "sparse", "sparse"], swiglu_limits=[0, 0, 0, 0.4, 0.5],
            swiglu_limits_shared=[0, 0.3, 0, 0.2, 0], max_position_embeddings=64)
STEP_VISION = dict(width=16, layers=1, heads=2, image_size=28, patch_size=14, mlp_ratio=2.0)
PHIMOE = dict(COMMON, model_type="phimoe", num_local_experts=8, num_experts_per_tok=2, attention_bias=True, lm_head_bias=True)
LONGROPE = dict(rope_theta=1e4, rope_type="longrope", factor=4, short_factor=[1.0, 1.1, 1.3, 1.6], long_factor=[1.0, 2.0, 3.0, 4.5], short_mscale=1.2,
                long_mscale=1.35)
SECTIONS = dict(rope_theta=1e6, rope_type="default", mrope_section=[2, 1, 1])


def rope(theta, share):
    return dict(rope_parameters=dict(rope_theta=theta, rope_type="default", partial_rotary_factor=share))


CASES = {
    "glm": dict(COMMON, model_type="glm", head_dim=12, attention_bias=True, pad_token_id=0, **rope(1e4, 0.5)),
    "cohere": dict(COMMON, model_type="cohere", logit_scale=0.3, attention_bias=True, tie_word_embeddings=True, rope_parameters=dict(rope_theta=8e6, rope_type="default")),
    "nemotron": dict(COMMON, model_type="nemotron", head_dim=12, norm_eps=1e-3, mlp_bias=True, **rope(1e4, 0.5)),
    "stablelm": dict(COMMON, model_type="stablelm", use_qkv_bias=True, **rope(1e4, 0.25)),
    "stablelm_parallel": dict(COMMON, model_type="stablelm", use_parallel_residual=True, layer_norm_eps=1e-3, **rope(1e4, 0.5)),
    "phi": dict(COMMON, model_type="phi", num_key_value_heads=4, **rope(1e4, 0.5)),
    "dots1": dict(COMMON, **DOTS, model_type="dots1", head_dim=12, first_k_dense_replace=1, norm_topk_prob=True),
    "dots1_groups": dict(COMMON, **DOTS, model_type="dots1", head_dim=12, n_group=4, topk_group=2, attention_bias=True, sliding_window=8,
                         layer_types=["full_attention", "sliding_attention", "full_attention"]),
    "qwen2_5_vl": dict(COMMON, model_type="qwen2_5_vl", tie_word_embeddings=True, rope_parameters=SECTIONS),
    "qwen3_vl": dict(COMMON, model_type="qwen3_vl", head_dim=12, rope_parameters=SECTIONS),
    "qwen3_vl_moe": dict(COMMON, **EXPERTS, model_type="qwen3_vl_moe", num_experts=6, head_dim=12, decoder_sparse_step=1, rope_parameters=SECTIONS),
    "ministral": dict(COMMON, model_type="ministral", head_dim=12, sliding_window=8, **rope(1e4, 1)),
    "cwm": dict(COMMON, model_type="cwm", num_hidden_layers=5, head_dim=12, sliding_window=8, max_position_embeddings=64,
                rope_parameters=dict(rope_theta=1e4, rope_type="llama3", factor=8, low_freq_factor=1, high_freq_factor=4, original_max_position_embeddings=8)),
    "internlm3": dict(COMMON, model_type="internlm3", head_dim=12, attention_bias=True, mlp_bias=True,
                      rope_parameters=dict(rope_theta=1e4, rope_type="dynamic", factor=6)),
    "helium": dict(COMMON, model_type="helium", head_dim=8, rms_norm_eps=1e-3, mlp_bias=True, **rope(1e5, 1)),
    "exaone": dict(COMMON, model_type="exaone", rms_norm_eps=1e-3, **rope(1e4, 1)),
    "solar_open": dict(COMMON, **EXPERTS, model_type="solar_open", n_routed_experts=8, head_dim=12, n_group=2, topk_group=1, routed_scaling_factor=1.7,
                       attention_bias=True, **rope(1e4, 1)),
    "vaultgemma": dict(COMMON, model_type="vaultgemma", head_dim=12, query_pre_attn_scalar=20, sliding_window=8, attn_logit_softcapping=2.0,
                       final_logit_softcapping=3.0, tie_word_embeddings=True, attention_bias=True, **rope(1e4, 1)),
    "minicpm3": dict(COMMON, model_type="minicpm3", num_key_value_heads=4, q_lora_rank=20, kv_lora_rank=16, qk_nope_head_dim=6, qk_rope_head_dim=4,
                     v_head_dim=10, scale_emb=3, scale_depth=1.2, dim_model_base=8, tie_word_embeddings=True, **rope(1e4, 1)),
    # Of MiniCPM's own code the formulas are Granite's, under other names: scale_emb 3, scale_depth 1.2, dim_model_base 8.
    "minicpm": dict(COMMON, model_type="granite", embedding_multiplier=3.0, residual_multiplier=1.2 / 3**0.5, logits_scaling=H / 8,
                    attention_multiplier=(H / 4) ** -0.5, tie_word_embeddings=True, **rope(1e4, 1)),
    "gpt_neox": dict(COMMON, model_type="gpt_neox", num_key_value_heads=4, layer_norm_eps=1e-3, **rope(1e4, 0.5)),
    "gpt_neox_in_turn": dict(COMMON, model_type="gpt_neox", num_key_value_heads=4, use_parallel_residual=False,
                             attention_bias=False, **rope(2e4, 1)),
    # Of InternLM 2's own code the formulas are Llama's, with q, k and v of each key head in one tensor.
    "internlm2": dict(COMMON, model_type="llama", rms_norm_eps=1e-3, **rope(1e5, 1)),
    "mamba2": dict(model_type="mamba2", vocab_size=V, hidden_size=H, num_hidden_layers=3, num_heads=8, head_dim=8, state_size=10, n_groups=2,
                   layer_norm_epsilon=1e-3, use_bias=True, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2),
    "olmo": dict(COMMON, model_type="olmo", clip_qkv=0.7, attention_bias=True, tie_word_embeddings=True, **rope(1e4, 1)),
    "falcon": dict(FALCON, ffn_hidden_size=72, tie_word_embeddings=True, **rope(1e4, 1)),
    "falcon_groups": dict(FALCON, new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1, bias=True, layer_norm_epsilon=1e-3,
                          tie_word_embeddings=False, **rope(2e4, 1)),
    "falcon_norms": dict(FALCON, new_decoder_architecture=True, num_kv_heads=2, tie_word_embeddings=False, **rope(1e4, 1)),
    # Of Ling 2's own code the formulas are those of GLM-4.5, with q, k and v in one tensor.
    "bailing_moe_v2": dict(COMMON, **EXPERTS, model_type="glm4_moe", n_routed_experts=8, n_shared_experts=1, first_k_dense_replace=1, head_dim=12,
                           n_group=4, topk_group=2, routed_scaling_factor=2.5, use_qk_norm=True, attention_bias=False, rms_norm_eps=1e-6,
                           **rope(6e5, 0.5)),
    # Scout's scaling has one limit for long and short waves, and its layers see chunks.
    "llama4_text": dict(LLAMA4, model_type="llama4_text", num_hidden_layers=5, attention_chunk_size=8, floor_scale=5, attn_scale=0.4,
                        rope_parameters=dict(rope_theta=1e4, rope_type="llama3", factor=16, low_freq_factor=1, high_freq_factor=1,
                                             original_max_position_embeddings=16)),
    # As Maverick: every other layer has experts, no norms of heads; and two experts for a token, which no published model has.
    "llama4": dict(LLAMA4 | MAVERICK, model_type="llama4", num_hidden_layers=4, interleave_moe_layer_step=2, use_qk_norm=False,
                   attention_chunk_size=11, no_rope_layers=[], floor_scale=9, **rope(1e4, 1)),
    # Layers of all kinds in an order of their own.
    "llama4_lists": dict(LLAMA4, model_type="llama4_text", num_hidden_layers=4, moe_layers=[0, 3], no_rope_layers=[0, 1, 1, 0],
                         layer_types=["chunked_attention", "full_attention", "chunked_attention", "full_attention"], attention_bias=True,
                         attention_chunk_size=5, attn_temperature_tuning=False, **rope(2e4, 1)),
    # Short texts rotate by other factors, and another magnitude, than those beyond the original context.
    "phimoe": dict(PHIMOE, max_position_embeddings=64, sliding_window=9,
                   rope_parameters=dict(LONGROPE, original_max_position_embeddings=8)),
    # As published: both magnitudes are the same, which GGUF has a key for.
    "phimoe_same": dict(PHIMOE, max_position_embeddings=64, rope_parameters=dict(LONGROPE, short_mscale=1.35, original_max_position_embeddings=64)),
    "phimoe_short": dict(PHIMOE, router_jitter_noise=0.3, num_local_experts=5, tie_word_embeddings=True, max_position_embeddings=64,
                         rope_parameters=dict(LONGROPE, original_max_position_embeddings=64)),
    # Published without the prefix, and with the masks.
    "gpt2": dict(GPT2, model_type="gpt2", n_positions=64),
    "gpt2_by_layer": dict(GPT2, model_type="gpt2", n_positions=40, n_inner=72, scale_attn_by_inverse_layer_idx=True, activation_function="gelu",
                          tie_word_embeddings=False),
    "gpt_bigcode": dict(GPT2, model_type="gpt_bigcode", n_positions=64, n_inner=72),
    "gpt_bigcode_heads": dict(GPT2, model_type="gpt_bigcode", n_positions=64, multi_query=False),
    "step3p7": dict(STEP, model_type="step3p7"),
    "step3p5": dict(STEP, model_type="step3p7"),  # the text model, as published
}


def randomize(model, seed):
    g = torch.Generator().manual_seed(seed)
    for name, t in model.named_parameters():
        noise = torch.randn(t.shape, generator=g)
        if name.endswith("bias"):
            value = 0.1 * noise
        elif "norm" in name or ".ln_" in name:
            value = 0.2 * noise + (0 if "nemotron" in type(model).__module__ else 1)
        else:
            value = noise * (0.5 if "embed" in name else 0.2)
        t.data.copy_(value.bfloat16().float())
    for name, t in model.named_buffers():
        if name.endswith("correction_bias"):
            t.copy_(0.1 * torch.randn(t.shape, generator=g))


def wrapped(fields):
    """A vision model with this text model."""
    kind = fields.pop("model_type")
    if kind == "llama4":
        return AutoConfig.for_model(kind, text_config=fields, vision_config=LLAMA4_VISION)
    if kind == "step3p7":
        return AutoConfig.for_model(kind, text_config=fields, vision_config=STEP_VISION)
    vision = {k: v for k, v in VISION.items() if k in AutoConfig.for_model(kind).vision_config.to_dict()}
    return AutoConfig.for_model(kind, text_config=fields, vision_config=vision, tie_word_embeddings=fields.get("tie_word_embeddings", False))


def published(config):
    """As the files of before transformers 5 are: Qwen2.5-VL's text model has no part of its own."""
    text = config.get("text_config", config)
    if "rope_theta" not in text.get("rope_parameters", {}):
        return
    rope = text.pop("rope_parameters")
    text["rope_theta"] = rope["rope_theta"]
    if "partial_rotary_factor" in rope:
        text["partial_rotary_factor"] = rope["partial_rotary_factor"]
    if rope["rope_type"] not in ("default", "mrope"):
        text["rope_scaling"] = {k: v for k, v in rope.items() if k != "rope_theta"}
    if "mrope_section" in rope:
        kind = {"type": "mrope"} if config["model_type"] == "qwen2_5_vl" else {"rope_type": "default", "mrope_interleaved": True}
        text["rope_scaling"] = dict(kind, mrope_section=rope["mrope_section"])
    if config["model_type"] == "qwen2_5_vl":
        config.pop("text_config")
        config.update({k: v for k, v in text.items() if k not in ("model_type", "architectures")}, tie_word_embeddings=config["tie_word_embeddings"])


WORDS = {
    "internlm3": {"attention_bias": "qkv_bias", "mlp_bias": "bias"},
    "gpt_neox": {"partial_rotary_factor": "rotary_pct", "rope_theta": "rotary_emb_base"},
    "gpt_neox_in_turn": {"partial_rotary_factor": "rotary_pct", "rope_theta": "rotary_emb_base"},
    "bailing_moe_v2": {"n_routed_experts": "num_experts", "n_shared_experts": "num_shared_experts", "attention_bias": "use_qkv_bias"},
    "exaone": {"num_hidden_layers": "num_layers", "rms_norm_eps": "layer_norm_epsilon", "hidden_act": "activation_function"},
}


def in_own_words(name, config):
    for usual, own in WORDS.get(name, {}).items():
        if usual in config:
            config[own] = config.pop(usual)
    if name == "internlm2":
        for field in ("attention_bias", "mlp_bias"):
            config.pop(field)
        config.update(model_type="internlm2", architectures=["InternLM2ForCausalLM"], bias=False)
    if name == "bailing_moe_v2":
        config.update(model_type="bailing_moe", architectures=["BailingMoeV2ForCausalLM"], score_function="sigmoid", use_bias=False,
                      num_nextn_predict_layers=0)
    if config["model_type"] == "gpt_bigcode":
        config.pop("num_key_value_heads", None)
    if name == "step3p5":
        text = config.pop("text_config")
        config.clear()
        for field in ("num_hidden_layers", "num_attention_heads", "hidden_size", "intermediate_size", "vocab_size", "head_dim", "sliding_window",
                      "moe_intermediate_size", "share_expert_dim", "moe_router_scaling_factor", "rms_norm_eps", "max_position_embeddings"):
            config[field] = text[field]
        config.update(STEP_ROPES, model_type="step3p5", architectures=["Step3p5ForCausalLM"], moe_layers_enum="2,3,4", moe_num_experts=8, moe_top_k=2,
                      num_attention_groups=2, layer_types=text["layer_types"] + ["full_attention"], num_nextn_predict_layers=1,
                      swiglu_limits=text["swiglu_limits"] + [0], swiglu_limits_shared=text["swiglu_limits_shared"] + [0],
                      attention_other_setting=dict(attention_type="sliding_attention", num_attention_heads=6, num_attention_groups=2, head_dim=12))
        config["rope_theta"] = config["rope_theta"] + [2e4]
        config["partial_rotary_factors"] = config["partial_rotary_factors"] + [0.5]
    if name == "llama4":  # as published: lists are empty or absent, the temperature is a number
        text = config["text_config"]
        for field in ("moe_layers", "layer_types"):
            text.pop(field)
        text.update(no_rope_layers=[], attn_temperature_tuning=4)
    if name == "minicpm":
        for field in ("embedding_multiplier", "residual_multiplier", "logits_scaling", "attention_multiplier"):
            config.pop(field)
        config.update(model_type="minicpm", architectures=["MiniCPMForCausalLM"], scale_emb=3, scale_depth=1.2, dim_model_base=8)


INTERNLM2 = {"model.embed_tokens": "model.tok_embeddings", "lm_head": "output", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
             "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3", "mlp.down_proj": "feed_forward.w2"}


def in_groups_of_heads(state, heads, kv_heads):
    """Llama's tensors as InternLM 2 has them: for each key head its query heads, its key and its value."""
    packed = {}
    for name, t in state.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            parts = [state[name.replace("q_proj", p)].view(kv_heads, -1, H // heads, H) for p in ("q_proj", "k_proj", "v_proj")]
            packed[name.replace("self_attn.q_proj", "attention.wqkv")] = torch.cat(parts, 1).reshape(-1, H).contiguous()
            continue
        for usual, own in INTERNLM2.items():
            name = name.replace(usual, own)
        packed[name] = t
    return packed


BAILING = {"embed_tokens": "word_embeddings", "self_attn.o_proj": "attention.dense", "self_attn.q_norm": "attention.query_layernorm",
           "self_attn.k_norm": "attention.key_layernorm", "e_score_correction_bias": "expert_bias"}


def in_lings_names(state):
    renamed = {}
    for name, t in state.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            t = torch.cat([state[name.replace("q_proj", p)] for p in ("q_proj", "k_proj", "v_proj")])
            name = name.replace("self_attn.q_proj", "attention.query_key_value")
        for usual, own in BAILING.items():
            name = name.replace(usual, own)
        renamed[name] = t
    return renamed


def case(out, name, seed):
    fields = dict(CASES[name])
    is_vision = fields["model_type"].startswith("qwen") or fields["model_type"] in ("llama4", "step3p7")
    if is_vision:
        config = wrapped(fields)
        make = transformers.AutoModelForImageTextToText
    else:
        config = AutoConfig.for_model(fields.pop("model_type"), **fields)
        make = AutoModelForCausalLM
    model = make.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    randomize(model, seed)
    folder = os.path.join(out, name)
    model.config.dtype = torch.bfloat16
    state = {k: t.to(torch.float32 if "correction_bias" in k else torch.bfloat16) for k, t in model.state_dict().items()}
    if model.get_output_embeddings().weight is model.get_input_embeddings().weight:
        state.pop("lm_head.weight")
    if name == "internlm2":
        os.makedirs(folder, exist_ok=True)
        save_file(in_groups_of_heads(state, 4, 2), os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        model.config.save_pretrained(folder)
    else:
        model.save_pretrained(folder, state_dict=state)
    if name == "qwen3_vl_moe":  # published so that all experts' matrices multiply from the right
        path = os.path.join(folder, "model.safetensors")
        tensors = {k: t.transpose(1, 2).contiguous() if ".experts." in k else t for k, t in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    if name == "bailing_moe_v2":
        path = os.path.join(folder, "model.safetensors")
        save_file(in_lings_names(load_file(path)), path, metadata={"format": "pt"})
    if name == "step3p5":
        path = os.path.join(folder, "model.safetensors")
        save_file({k: t for k, t in load_file(path).items() if not k.startswith("vi")}, path, metadata={"format": "pt"})
    if name == "gpt2":
        path = os.path.join(folder, "model.safetensors")
        tensors = {k.removeprefix("transformer."): t for k, t in load_file(path).items()}
        for i in range(3):
            tensors["h.%d.attn.bias" % i] = torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64)
        save_file(tensors, path, metadata={"format": "pt"})
    path = os.path.join(folder, "config.json")
    config = json.load(open(path))
    published(config)
    in_own_words(name, config)
    json.dump(config, open(path, "w"), indent=2, sort_keys=True)
    ids = torch.randint(3, V, (1, 28), generator=torch.Generator().manual_seed(seed))
    if name == "phimoe":  # transformers 5.24 never takes the long factors, as the model's own code does
        rotary = model.model.rotary_emb
        init = rotary.rope_init_fn
        rotary.rope_init_fn = lambda c: init(c, seq_len=ids.shape[1])
    with torch.no_grad():
        # transformers 5.24's Llama 4 with images fails on texts.
        logits = (model.language_model if name == "llama4" else model)(input_ids=ids, use_cache=False).logits
        if name in ("llama4", "phimoe", "step3p5"):  # whose classes refuse the published spelling, or read it otherwise
            again = logits
        elif name in ("minicpm", "internlm2", "bailing_moe_v2"):  # transformers has no class of it
            again = logits
        else:
            again = make.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")(input_ids=ids, use_cache=False).logits
    assert torch.allclose(logits, again, atol=1e-5), name
    save_file({"input_ids": ids, "logits": logits.contiguous()}, os.path.join(folder, "golden.safetensors"))
    generation = os.path.join(folder, "generation_config.json")
    if os.path.exists(generation):
        os.remove(generation)
    print(name, "max %.2f" % logits.abs().max(), sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)) // 1024, "KB")


torch.set_num_threads(1)
for number, name in enumerate(CASES):
    if len(sys.argv) == 2 or name in sys.argv[2:]:
        case(sys.argv[1], name, 900 + number)
