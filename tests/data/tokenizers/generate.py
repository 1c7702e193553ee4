#!/usr/bin/env python3
"""Small tokenizers, one for each step that the tokenizers library knows, and what it makes of nasty texts.

    generate.py [--texts N] [--seed S] [--out FOLDER] [NAME...]

Needs `tokenizers` 0.22 (pip). Without options it writes the files beside it, which tests/text/tokenizer_cases_test.cpp
reads. With many texts and another folder it is a differential test: FERRUM_TOKENIZER_CASES names that folder to the
same test.
"""
import argparse
import json
import os
import random

from tokenizers import Tokenizer

# Code points that tokenizers trip over. Letters that Unicode got after version 8 are left out: the library has
# tables of several versions.
POOLS = {
    "ascii": "abcxyzABCXYZ",
    "space": " \t\n\r\v\f\u0085\u00a0\u1680\u2003\u2028\u202f\u3000",
    "punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡«»¿‐–—‘’“”…、。「」！？－",
    "digits": "0123456789٠١٢½²³①Ⅷ一二三",
    "accents": "éèüñçÀÅßøæœİıſŸǅ",
    "marks": "e\u0301a\u030ao\u0308\u0327\u0323\u0483\u05b0\u093c\u20dd",
    "cjk": "中文日本語京都あいうカタカナーー々〆",
    "hangul": "한국어\u1112\u1161\u11ab가각",
    "others": "АбвΑβγςΣאבגابتกขคअआकதமழ",
    "compatible": "ﬁﬂ①㎏Ａｂｃ１ｶﾞ㌔ℌ™",
    "joined": "👍🏽👨\u200d👩\u200d👧🇩🇪🏳️\u200d🌈",
    "odd": "\u0000\u0001\u0007\u007f\u00ad\u200b\u200c\u200d\u200e\u2060\ufeff\ufffd\ufffe\ue000▁Ġ",
}
PHRASES = [
    "Hello world", " hello", "I'm they'll don't", "  two  spaces  ", "1234567 12,345.67", "foo_bar(baz)",
    "<s>", "</s>", "<unk>", "[MASK]", " [MASK] ", "[MASK][MASK]", "x[MASK]y", "added", "ADDED", " added word",
    "addeds", "Résumé", "中文字符", "e\u0301", "", " ", "a", "..", "?!", "<0x41>", "the quick brown",
]


def random_text(rng):
    parts = []
    for _ in range(rng.randint(1, 5)):
        kind = rng.random()
        if kind < 0.35:
            parts.append(rng.choice(PHRASES))
        elif kind < 0.95:
            pool = POOLS[rng.choice(list(POOLS))]
            parts.append("".join(rng.choice(pool) for _ in range(rng.randint(1, 4))))
        else:
            parts.append(chr(rng.randint(0x20, 0x24F)))
        if rng.random() < 0.3:
            parts.append(" ")
    return "".join(parts)


BYTES = ["<0x%02X>" % b for b in range(256)]


def special(content, **fields):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": True} | fields


def tokenizer(model, added=(), normalizer=None, pre=None, post=None, decoder=None):
    vocab = model["vocab"]
    size = len(vocab)
    known = vocab if isinstance(vocab, dict) else {entry[0]: i for i, entry in enumerate(vocab)}
    tokens = []
    for token in added:
        if token["content"] in known:
            at = known[token["content"]]
        else:
            at = size
            size += 1
        tokens.append({"id": at} | token)
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens, "normalizer": normalizer,
            "pre_tokenizer": pre, "post_processor": post, "decoder": decoder, "model": model}


def bpe(vocab, merges=(), **fields):
    words = {w: i for i, w in enumerate(vocab)}
    for left, right in merges:
        prefix = fields.get("continuing_subword_prefix") or ""
        words.setdefault(left + right[len(prefix):], len(words))
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": words, "merges": [list(m) for m in merges]} | fields


# Every piece becomes its bytes and those of "|": what the steps before a model do can be read off the ids.
BYTEWISE = bpe(BYTES, byte_fallback=True, end_of_word_suffix="|")
# The 256 letters of the byte alphabet.
LETTERS = [chr(c) for c in list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))] + [
    chr(256 + i) for i in range(68)]
BYTE_LEVEL = bpe(LETTERS + ["<s>"], [("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "w"), ("o", "r"),
                                      ("Ġ", "Ġ"), ("Ã", "©"), ("1", "2"), ("'", "m")])
NORMALIZERS = {
    "bert": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
             "lowercase": True},
    "bert_cased": {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": False,
                   "strip_accents": True, "lowercase": False},
    "strip_accents": {"type": "StripAccents"},
    "strip": {"type": "Strip", "strip_left": True, "strip_right": True},
    "strip_left": {"type": "Strip", "strip_left": True, "strip_right": False},
    "strip_right": {"type": "Strip", "strip_left": False, "strip_right": True},
    "nfc": {"type": "NFC"}, "nfd": {"type": "NFD"}, "nfkc": {"type": "NFKC"}, "nfkd": {"type": "NFKD"},
    "lowercase": {"type": "Lowercase"},
    "prepend": {"type": "Prepend", "prepend": "▁"},
    "replace_string": {"type": "Replace", "pattern": {"String": "l"}, "content": "LL"},
    "replace_regex": {"type": "Replace", "pattern": {"Regex": "\\s+|[aeiou]"}, "content": "_"},
    "nmt": {"type": "Nmt"},
    "byte_level": {"type": "ByteLevel"},
    "sequence": {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"},
                                                       {"type": "Lowercase"},
                                                       {"type": "Replace", "pattern": {"Regex": " {2,}"},
                                                        "content": " "}]},
}
BEHAVIORS = ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
PRETOKENIZERS = {
    "bert": {"type": "BertPreTokenizer"},
    "whitespace": {"type": "Whitespace"},
    "whitespace_split": {"type": "WhitespaceSplit"},
    "char_delimiter": {"type": "CharDelimiterSplit", "delimiter": "l"},
    "digits": {"type": "Digits", "individual_digits": False},
    "digits_individually": {"type": "Digits", "individual_digits": True},
    "unicode_scripts": {"type": "UnicodeScripts"},
    "fixed_length": {"type": "FixedLength", "length": 3},
    "fixed_length_default": {"type": "FixedLength", "length": 5},
    "metaspace_unsplit": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False},
    "metaspace_other": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True},
    "byte_level": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "byte_level_prefix": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "byte_level_whole": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
    "byte_level_inside": {"type": "Sequence", "pretokenizers": [
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        {"type": "Digits", "individual_digits": True},
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True}]},
    "byte_level_twice": {"type": "Sequence", "pretokenizers": [
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
    "sequence": {"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"},
        {"type": "Digits", "individual_digits": True},
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}]},
    "scripts_and_spaces": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
                                                                   {"type": "UnicodeScripts"}]},
}
for scheme in ["always", "first", "never"]:
    PRETOKENIZERS["metaspace_" + scheme] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme,
                                            "split": True}
for behavior in BEHAVIORS:
    name = behavior.lower()
    PRETOKENIZERS["punctuation_" + name] = {"type": "Punctuation", "behavior": behavior}
    for invert in [False, True]:
        end = name + ("_inverted" if invert else "")
        PRETOKENIZERS["split_regex_" + end] = {"type": "Split", "pattern": {"Regex": "\\s+|\\p{N}|l(?=o)"},
                                               "behavior": behavior, "invert": invert}
        PRETOKENIZERS["split_string_" + end] = {"type": "Split", "pattern": {"String": "l"}, "behavior": behavior,
                                                "invert": invert}

WORDS = ["[UNK]", "[CLS]", "[SEP]", "hello", "hell", "##o", "##s", "wor", "##ld", "a", "##b", "b", "1", "##2", ".", ",",
         "!", "中", "é", "##é", "the", "##the", "un", "##able", "add", "##ed", "##"]
PIECES = [["<unk>", 0.0], ["▁", -3.0], ["▁hello", -2.5], ["▁he", -4.0], ["llo", -4.5], ["l", -5.0], ["o", -5.25],
          ["h", -5.5], ["e", -5.75], ["▁w", -6.0], ["or", -6.5], ["ld", -6.75], ["world", -7.0], ["r", -8.0],
          ["d", -8.5], ["w", -9.0], [".", -3.5], ["é", -9.5], ["中", -10.0], ["中文", -11.0], ["a", -4.0], ["s", -4.0],
          ["ss", -8.0]]
CHARACTERS = ["<unk>", "h", "e", "l", "o", "w", "r", "d", "a", "b", "▁", ".", "1", "2", "é", "中"]
MERGES = [("l", "l"), ("h", "e"), ("he", "ll"), ("hell", "o"), ("w", "o"), ("▁", "wo"), ("▁", "hello"), ("1", "2"),
          ("▁", "▁"), ("a", "b")]
LETTERS_TO_BYTES = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
SPACED = {"type": "WhitespaceSplit"}
MARKED = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}


def models():
    yield "bpe_unk", tokenizer(bpe(CHARACTERS, MERGES, unk_token="<unk>"), pre=MARKED)
    yield "bpe_fuse_unk", tokenizer(bpe(CHARACTERS, MERGES, unk_token="<unk>", fuse_unk=True), pre=MARKED)
    yield "bpe_no_unk", tokenizer(bpe(CHARACTERS, MERGES), pre=MARKED)
    yield "bpe_byte_fallback", tokenizer(
        bpe(CHARACTERS + BYTES, MERGES, unk_token="<unk>", fuse_unk=True, byte_fallback=True), pre=MARKED,
        decoder={"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})
    some = [b for i, b in enumerate(BYTES) if i % 3]
    yield "bpe_some_bytes", tokenizer(
        bpe(CHARACTERS + some, MERGES, unk_token="<unk>", fuse_unk=True, byte_fallback=True), pre=MARKED)
    yield "bpe_some_bytes_unfused", tokenizer(
        bpe(CHARACTERS + some, MERGES + [("<0x0A>", "<0x0A>")], unk_token="<unk>", byte_fallback=True), pre=MARKED)
    yield "bpe_prefix", tokenizer(
        bpe(CHARACTERS + ["##" + c for c in "helowrdab12"],
            [("##l", "##l"), ("h", "##e"), ("he", "##ll"), ("a", "##b")], unk_token="<unk>",
            continuing_subword_prefix="##"), pre=SPACED)
    yield "bpe_suffix", tokenizer(
        bpe(CHARACTERS + [c + "</w>" for c in "helowrdab12."],
            [("l", "l"), ("l", "o</w>"), ("h", "e"), ("l", "d</w>")], unk_token="<unk>",
            end_of_word_suffix="</w>"), pre=SPACED, decoder={"type": "BPEDecoder", "suffix": "</w>"})
    yield "bpe_ignore_merges", tokenizer(
        bpe(CHARACTERS + ["hellow", "▁world"], MERGES, unk_token="<unk>", ignore_merges=True), pre=MARKED)
    yield "bpe_byte_level", tokenizer(
        BYTE_LEVEL, [special("<s>")], pre=PRETOKENIZERS["byte_level"], decoder=LETTERS_TO_BYTES)
    some_letters = [c for i, c in enumerate(LETTERS) if i % 5]
    yield "bpe_some_letters", tokenizer(
        bpe(some_letters + ["<unk>"], unk_token="<unk>"), pre=PRETOKENIZERS["byte_level"], decoder=LETTERS_TO_BYTES)
    yield "word_piece", tokenizer(
        {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 10,
         "vocab": {w: i for i, w in enumerate(WORDS)}}, [special("[CLS]"), special("[SEP]")],
        normalizer=NORMALIZERS["bert_cased"], pre={"type": "BertPreTokenizer"},
        post={"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True})
    yield "word_level", tokenizer(
        {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {w: i for i, w in enumerate(WORDS)}}, pre={"type": "Whitespace"})
    yield "unigram", tokenizer({"type": "Unigram", "unk_id": 0, "vocab": PIECES, "byte_fallback": False}, pre=MARKED,
                               decoder=MARKED)
    yield "unigram_bytes", tokenizer(
        {"type": "Unigram", "unk_id": 0, "vocab": PIECES + [[b, -20.0] for b in BYTES], "byte_fallback": True},
        pre=MARKED, decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, MARKED]})
    yield "unigram_some_bytes", tokenizer(
        {"type": "Unigram", "unk_id": 0, "vocab": PIECES + [[b, -20.0] for b in some], "byte_fallback": True}, pre=MARKED)
    yield "unigram_repeated", tokenizer(
        {"type": "Unigram", "unk_id": 0, "vocab": PIECES + [["l", -1.0], ["▁he", -9.0]], "byte_fallback": False},
        pre=MARKED)
    holes = bpe(CHARACTERS, MERGES, unk_token="<unk>")
    holes["vocab"]["▁wo"] = 70
    yield "holes", tokenizer(holes, [special("[MASK]"), special("added", special=False, normalized=True)], pre=MARKED)
    shared = bpe(CHARACTERS, MERGES, unk_token="<unk>")
    del shared["vocab"]["é"]
    yield "hole_filled_twice", tokenizer(shared, [special("[MASK]")], pre=MARKED)


def added_tokens():
    lower = {"type": "Lowercase"}
    for name, fields in {
        "plain": {}, "lstrip": {"lstrip": True}, "rstrip": {"rstrip": True},
        "both": {"lstrip": True, "rstrip": True}, "single_word": {"single_word": True},
        "normalized": {"normalized": True}, "text": {"special": False, "normalized": True},
        "text_single_word": {"special": False, "normalized": True, "single_word": True, "lstrip": True},
    }.items():
        yield "added_" + name, tokenizer(
            BYTEWISE, [special("[MASK]", **fields), special("added", **fields), special("<s>", **fields),
                       special("Résumé", **fields), special(" [", **fields)],
            normalizer=lower, pre={"type": "WhitespaceSplit"})
    yield "added_prepended", tokenizer(
        BYTEWISE, [special("<s>", normalized=True), special("</s>"), special("added", special=False, normalized=True)],
        normalizer={"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})
    for name, normalizer in {
        "strip": NORMALIZERS["strip"], "accents": NORMALIZERS["strip_accents"], "nfkd": NORMALIZERS["nfkd"],
        "prepend": {"type": "Prepend", "prepend": "x"},
        "replace": {"type": "Replace", "pattern": {"String": "He"}, "content": "h"},
        "replace_regex": {"type": "Replace", "pattern": {"Regex": "^|  +"}, "content": "_"},
    }.items():
        yield "added_metaspace_first_" + name, tokenizer(
            BYTEWISE, [special("<s>")], normalizer=normalizer, pre={"type": "Sequence", "pretokenizers": [
                {"type": "Digits", "individual_digits": True}, PRETOKENIZERS["metaspace_first"]]})
    yield "added_metaspace_first", tokenizer(
        BYTEWISE, [special("<s>"), special("[MASK]", lstrip=True)], pre=PRETOKENIZERS["metaspace_first"])


def post_processors():
    one = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    two = {"SpecialToken": {"id": "[MASK]", "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    known = {"<s>": {"id": "<s>", "ids": [256], "tokens": ["<s>"]},
             "[MASK]": {"id": "[MASK]", "ids": [257, 256], "tokens": ["[MASK]", "<s>"]}}
    template = {"type": "TemplateProcessing", "single": [one, text, two], "pair": [one, text, text],
                "special_tokens": known}
    roberta = {"type": "RobertaProcessing", "sep": ["[MASK]", 257], "cls": ["<s>", 256], "trim_offsets": True,
               "add_prefix_space": True}
    bert = {"type": "BertProcessing", "sep": ["[MASK]", 257], "cls": ["<s>", 256]}
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    for name, post in {"template": template, "roberta": roberta, "bert": bert, "byte_level": byte_level,
                       "sequence": {"type": "Sequence", "processors": [byte_level, template]},
                       "template_then_bert": {"type": "Sequence", "processors": [template, bert]},
                       "roberta_then_template": {"type": "Sequence", "processors": [roberta, template]},
                       "bert_twice": {"type": "Sequence", "processors": [bert, bert]}}.items():
        yield "post_" + name, tokenizer(BYTEWISE, [special("<s>"), special("[MASK]")], post=post)


SPELLINGS = ["a", "▁b", "c▁", "▁", "##d", "##", "e</w>", "</w>", "Ġf", "Ã©", "中", " ", "  ", ".", " n't", "<pad>", "|",
             "g|h", "<0x41>", "<0xC3>", "<0xA9>", "<0x0A>", "do", " not", "Ċ", "▁▁x", "y ", "é", "'", "</w>z", "<s>"]
CTC = {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True}
DECODERS = {
    "none": None,
    "byte_level": LETTERS_TO_BYTES,
    "metaspace": MARKED,
    "metaspace_never": PRETOKENIZERS["metaspace_never"],
    "metaspace_first": PRETOKENIZERS["metaspace_first"],
    "word_piece": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "word_piece_raw": {"type": "WordPiece", "prefix": "##", "cleanup": False},
    "bpe": {"type": "BPEDecoder", "suffix": "</w>"},
    "ctc": CTC,
    "ctc_raw": {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": False},
    "fuse": {"type": "Fuse"},
    "byte_fallback": {"type": "ByteFallback"},
    "strip": {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    "replace_string": {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    "replace_regex": {"type": "Replace", "pattern": {"Regex": "[a-c]|▁+"}, "content": "_"},
    "llama": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                                                 {"type": "ByteFallback"}, {"type": "Fuse"},
                                                 {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    "strip_end": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                                                     {"type": "Fuse"},
                                                     {"type": "Strip", "content": " ", "start": 2, "stop": 2}]},
    "fused_metaspace": {"type": "Sequence", "decoders": [{"type": "Fuse"}, MARKED]},
    "fused_word_piece": {"type": "Sequence", "decoders": [
        LETTERS_TO_BYTES, {"type": "WordPiece", "prefix": "##", "cleanup": False}]},
    "fused_suffix": {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "BPEDecoder", "suffix": "</w>"}]},
    "fused_replace_string": {"type": "Sequence", "decoders": [
        {"type": "Fuse"}, {"type": "Replace", "pattern": {"String": "b▁"}, "content": "B"},
        {"type": "Replace", "pattern": {"String": "aa"}, "content": "a"}]},
    "fused_replace_regex": {"type": "Sequence", "decoders": [
        {"type": "Fuse"}, {"type": "Replace", "pattern": {"Regex": "(?<=a)▁|aa+"}, "content": "_"}]},
    "fused_strip_twice": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 1}, {"type": "Strip", "content": "a", "start": 2, "stop": 1}]},
    "fused_strip_wide": {"type": "Sequence", "decoders": [
        {"type": "Fuse"}, {"type": "Strip", "content": "▁", "start": 2, "stop": 2}]},
    "fused_bytes": {"type": "Sequence", "decoders": [
        {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Replace", "pattern": {"String": "é"}, "content": "e"}]},
    "fused_cleanup": {"type": "Sequence", "decoders": [
        {"type": "Fuse"}, {"type": "WordPiece", "prefix": "##", "cleanup": True}]},
    "fused_ctc": {"type": "Sequence", "decoders": [
        {"type": "Fuse"}, {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": False}]},
    "ctc_then_word_piece": {"type": "Sequence", "decoders": [CTC, {"type": "WordPiece", "prefix": "##", "cleanup": True}]},
    "ctc_then_suffix": {"type": "Sequence", "decoders": [CTC, {"type": "BPEDecoder", "suffix": "</w>"}]},
    "metaspace_then_ctc": {"type": "Sequence", "decoders": [MARKED, CTC]},
    "replace_then_ctc": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"Regex": "[a-c]|▁+"}, "content": "a"}, CTC, {"type": "Fuse"}]},
    "bytes_then_strip": {"type": "Sequence", "decoders": [
        {"type": "ByteFallback"}, {"type": "Strip", "content": "A", "start": 1, "stop": 0}]},
    "bytes_then_word_piece": {"type": "Sequence", "decoders": [
        {"type": "ByteFallback"}, {"type": "WordPiece", "prefix": "##", "cleanup": True}]},
    "bytes_then_ctc": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, CTC]},
}


def decoders():
    model = {"type": "WordLevel", "unk_token": "a", "vocab": {w: i for i, w in enumerate(SPELLINGS)}}
    for name, decoder in DECODERS.items():
        yield "decode_" + name, tokenizer(model, [special("<s>")], decoder=decoder)


def all_tokenizers():
    for name, normalizer in NORMALIZERS.items():
        yield "normalize_" + name, tokenizer(BYTEWISE, normalizer=normalizer)
    for name, pre in PRETOKENIZERS.items():
        model = BYTEWISE
        if name.startswith("byte_level"):
            letters = LETTERS + ["▁"]
            model = bpe(letters + [letter + "|" for letter in letters], end_of_word_suffix="|")
        yield "split_" + name, tokenizer(model, pre=pre)
    yield from models()
    yield from added_tokens()
    yield from post_processors()
    yield from decoders()


def cases_of(name, file, rng, count):
    library = Tokenizer.from_str(json.dumps(file))
    cases = []
    if name.startswith("decode_"):
        size = len(file["model"]["vocab"])
        for _ in range(count):
            ids = [rng.randrange(size) for _ in range(rng.randint(1, 6))]
            if rng.random() < 0.3:
                ids.insert(rng.randrange(len(ids)), rng.choice(ids))
            try:
                text = library.decode(ids)
            except BaseException:  # its Strip panics where a text is shorter than what it strips
                continue
            if "\ufffd" not in text:  # how many stand for broken bytes differs where a text is streamed
                cases.append({"ids": ids, "decoded": text})
        return cases
    texts = [p for p in PHRASES] + [random_text(rng) for _ in range(count)]
    for text in texts:
        ids = library.encode(text).ids
        case = {"text": text, "ids": ids}
        if not name.startswith(("normalize_", "split_", "added_", "post_")):
            decoded = library.decode(ids)
            if "\ufffd" not in decoded:
                case["decoded"] = decoded
        cases.append(case)
    return cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for name, file in all_tokenizers():
        if args.names and name not in args.names:
            continue
        rng = random.Random(f"{args.seed} {name}")
        cases = cases_of(name, file, rng, args.texts)
        with open(os.path.join(args.out, name + ".json"), "w", encoding="utf-8") as out:
            out.write('{"tokenizer": ' + json.dumps(file, ensure_ascii=False) + ',\n"cases": [\n')
            out.write(",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]}\n")


if __name__ == "__main__":
    main()
