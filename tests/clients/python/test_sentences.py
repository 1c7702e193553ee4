"""all-MiniLM-L6-v2 in Ferrum and in sentence-transformers: the same tokens, and embeddings that differ by rounding."""
import json
import struct
import subprocess
import tempfile
import unittest
import zipfile
from importlib import resources
from pathlib import Path

import numpy
from sentence_transformers import SentenceTransformer

from server import BINARY, ROOT

COUNT = 200


def texts():
    """Sentences and pieces of code from the documentation, and some that tokenizers find hard."""
    hard = ["naïve café ÀÉÎ ß", "日本語のテキスト", "한국어 텍스트", "😀👍🏽 emoji", "  many   spaces\tand\ttabs ", "a" * 300, "C++20's std::span<const T>", "don't can't won't"]
    lines = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        lines += [line.strip() for line in page.read_text(encoding="utf-8").splitlines() if len(line) > 40]
    step = len(lines) // (COUNT - len(hard) - 2)
    long = [" ".join(lines[:20]), " ".join(lines[20:60])]  # of more tokens than the model reads
    return (hard + long + lines[::step])[:COUNT]


def tensor(path):
    data = Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    entry = json.loads(data[8 : 8 + size])["embeddings"]
    begin, end = entry["data_offsets"]
    return numpy.frombuffer(data[8 + size + begin : 8 + size + end], dtype="<f4").reshape(entry["shape"])


class MiniLm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        archive = next(p for p in resources.files("all_minilm_l6_v2").iterdir() if p.name.endswith(".zip"))
        with zipfile.ZipFile(str(archive)) as packed:
            packed.extractall(folder.name)
        cls.model = next(Path(folder.name).rglob("config.json")).parent
        cls.folder = Path(folder.name)
        cls.texts = texts()
        cls.reference = SentenceTransformer(str(cls.model), device="cpu")

    def embed(self, *options):
        source, result = self.folder / "texts.jsonl", self.folder / "out.safetensors"
        source.write_text("".join(json.dumps(text) + "\n" for text in self.texts))
        command = [BINARY, "embed", str(self.model), "--input", str(source), "--output", str(result), *options]
        subprocess.run(command, check=True, capture_output=True)
        return tensor(result)

    def test_embeddings(self):
        expected = self.reference.encode(self.texts, normalize_embeddings=True)
        for options, least in ((("--activations", "f32"), 0.99999), ((), 0.999)):
            cosines = (self.embed(*options) * expected).sum(axis=1)
            print(f"{' '.join(options) or 'by default'}: cosine of {len(cosines)} texts at least {cosines.min():.7f}")
            self.assertEqual(len(cosines), COUNT)
            self.assertGreaterEqual(float(cosines.min()), least)

    def test_tokens(self):
        for text in self.texts[:60]:
            command = [BINARY, "tokenize", str(self.model), "--json"]
            told = subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout
            expected = self.reference.tokenizer(text, truncation=False)["input_ids"]
            self.assertEqual(json.loads(told)["ids"], expected, text[:80])


if __name__ == "__main__":
    unittest.main()
