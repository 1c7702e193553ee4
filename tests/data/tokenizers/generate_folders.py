#!/usr/bin/env python3
"""Folders with the files that tokenizers had before tokenizer.json, and folders whose files disagree.

    generate_folders.py [--texts N] [--out FOLDER] [NAME...]

Needs transformers 5 (pip). Each folder has a cases.json with what AutoTokenizer makes of texts;
tests/checkpoint/tokenizer_folders_test.cpp reads them.
"""
import argparse
import json
import os
import random
import shutil

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from transformers import AutoTokenizer
from transformers.models.qwen3_5.tokenization_qwen3_5 import Qwen3_5Tokenizer

from generate import BYTE_LEVEL, PHRASES, WORDS, random_text

END = "<|endoftext|>"
TEXTS = ["<|im_start|>user", "hello <|im_end|>", "x<mask> y", END, "<|startoftranscript|>a", "<s>hello</s>", "[MASK]a",
         "a [CLS]", "<|added|>b", "he\u0301llo 123", "Hello 12345 world", "नमस्ते दुनिया"]


def byte_level_files(extra, config, more=None, tokens=None):
    """vocab.json and merges.txt with the letters, some merges and `extra` tokens."""
    vocab = {word: i for i, word in enumerate(w for w in BYTE_LEVEL["vocab"] if w != "<s>")}
    for token in extra:
        vocab.setdefault(token, len(vocab))
    for token in list(tokens or []):
        vocab.setdefault(token, len(vocab))
    files = {"vocab.json": json.dumps(vocab, ensure_ascii=False),
             "merges.txt": "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in BYTE_LEVEL["merges"]),
             "tokenizer_config.json": json.dumps(config)}
    return files | (more or {})


def clip_files():
    letters = [w for w in BYTE_LEVEL["vocab"] if len(w) == 1]
    vocab = {word: i for i, word in enumerate(letters + [letter + "</w>" for letter in letters])}
    merges = [("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o</w>"), ("w", "o"), ("l", "d</w>")]
    for left, right in merges:
        vocab.setdefault(left + right, len(vocab))
    for token in ["<|startoftext|>", END]:
        vocab[token] = len(vocab)
    return {"vocab.json": json.dumps(vocab, ensure_ascii=False),
            "merges.txt": "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges),
            "tokenizer_config.json": json.dumps({"tokenizer_class": "CLIPTokenizer"})}


def added(content, special=True, **fields):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": special} | fields


def folders():
    ends = [END]
    yield "gpt2", byte_level_files(ends, {"tokenizer_class": "GPT2Tokenizer"})
    yield "gpt2_bos", byte_level_files(ends, {"tokenizer_class": "GPT2TokenizerFast", "add_bos_token": True,
                                              "add_prefix_space": True})
    yield "gpt2_added", byte_level_files(
        ends, {"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|im_end|>"},
        {"added_tokens.json": json.dumps({"<|im_end|>": 267, "<|im_start|>": 266, "<|added|>": 268})})
    yield "gpt2_added_in_place", byte_level_files(
        ends, {"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|im_end|>"},
        {"added_tokens.json": json.dumps({"<|im_end|>": 268, "<|im_start|>": 267, "<|added|>": 269})})
    yield "gpt2_map", byte_level_files(
        ends + ["<|im_end|>", "<|im_start|>"], {"tokenizer_class": "GPT2Tokenizer", "eos_token": END},
        {"special_tokens_map.json": json.dumps({"eos_token": "<|im_end|>",
                                                 "extra_special_tokens": ["<|im_start|>"]})})
    yield "qwen2", byte_level_files(
        [END], {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": END,
                "added_tokens_decoder": {"266": added("<|im_start|>"), "267": added("<|im_end|>"),
                                         "268": added("<|added|>", special=False)}})
    yield "qwen3_5", byte_level_files([END], {"tokenizer_class": "Qwen3_5Tokenizer"})
    yield "gpt_neox", byte_level_files([END, "<|padding|>"], {"tokenizer_class": "GPTNeoXTokenizer"})
    yield "cohere", byte_level_files(["<PAD>", "<UNK>", "<CLS>", "<SEP>", "<MASK_TOKEN>", "<BOS_TOKEN>",
                                      "<|END_OF_TURN_TOKEN|>"],
                                     {"tokenizer_class": "CohereTokenizer", "add_bos_token": True})
    yield "roberta", byte_level_files(["<s>", "</s>", "<unk>", "<pad>", "<mask>"],
                                      {"tokenizer_class": "RobertaTokenizer"})
    yield "whisper", byte_level_files([END, "<|startoftranscript|>", "<|notimestamps|>"],
                                      {"tokenizer_class": "WhisperTokenizer"})
    yield "clip", clip_files()
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    bert = "\n".join(dict.fromkeys(["[PAD]"] + WORDS + ["[MASK]"] + list(letters) + ["##" + c for c in letters])) + "\n"
    yield "bert", {"vocab.txt": bert, "tokenizer_config.json": json.dumps({"tokenizer_class": "BertTokenizer"})}
    yield "bert_cased", {"vocab.txt": bert, "tokenizer_config.json": json.dumps(
        {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "tokenize_chinese_chars": False})}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=8)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "folders"))
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    for name, files in folders():
        if args.names and name not in args.names:
            continue
        folder = os.path.join(args.out, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for file, text in files.items():
            with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                out.write(text)
        if name == "qwen3_5":  # AutoTokenizer loses its vocabulary
            merges = [tuple(line.split(" ")) for line in files["merges.txt"].splitlines()[1:]]
            tokenizer = Qwen3_5Tokenizer(vocab=json.loads(files["vocab.json"]), merges=merges)
        else:
            tokenizer = AutoTokenizer.from_pretrained(folder)
        rng = random.Random(name)
        texts = TEXTS + PHRASES + [random_text(rng) for _ in range(args.texts)]
        cases = [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in texts]
        with open(os.path.join(folder, "cases.json"), "w", encoding="utf-8") as out:
            ends = {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id, "size": len(tokenizer)}
            out.write('{"special": ' + json.dumps(ends) + ',\n"cases": [\n')
            out.write(",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]}\n")


if __name__ == "__main__":
    main()
