"""Answers questions about your files: they are found by their vectors in SQLite, ranked, and given to a model.

    pip install openai sqlite-vec
    ferrum serve chat.gguf --model embed=bge-m3 --model rerank=bge-reranker-v2-m3
    python rag.py index notes.db docs/*.md
    python rag.py ask notes.db "How do I serve several models?"

FERRUM_URL, FERRUM_KEY and the names of the models (CHAT_MODEL, EMBED_MODEL, RERANK_MODEL) come from the environment.
Without a reranker, RERANK_MODEL="", the order of the vectors counts.
"""
import os
import sqlite3
import sys
from pathlib import Path

import openai
import sqlite_vec

URL = os.environ.get("FERRUM_URL", "http://127.0.0.1:8000/v1")
EMBED_URL = os.environ.get("FERRUM_EMBED_URL", URL)  # where the models run in servers of their own
KEY = os.environ.get("FERRUM_KEY", "none")
CHAT_MODEL = os.environ.get("CHAT_MODEL", "chat")
EMBED_MODEL = os.environ.get("EMBED_MODEL", "embed")
RERANK_MODEL = os.environ.get("RERANK_MODEL", "rerank")
CHUNK = 800  # characters: a few paragraphs, which every embedding model reads whole
BATCH = 256  # texts per request; a request takes up to 2048

chat = openai.OpenAI(base_url=URL, api_key=KEY)
texts = openai.OpenAI(base_url=EMBED_URL, api_key=KEY)


def embed(batch, purpose):
    """One vector for each text. Models that were trained with a prompt of this name ("query", "document") get it."""
    answer = texts.embeddings.create(model=EMBED_MODEL, input=batch, extra_body={"input_type": purpose})
    return [item.embedding for item in answer.data]


def chunks(text):
    """Paragraphs, joined as long as they are short."""
    chunk = ""
    for paragraph in text.split("\n\n"):
        while len(paragraph) > CHUNK:
            yield paragraph[:CHUNK]
            paragraph = paragraph[CHUNK:]
        if chunk and len(chunk) + len(paragraph) > CHUNK:
            yield chunk
            chunk = ""
        chunk = f"{chunk}\n\n{paragraph}".strip()
    if chunk:
        yield chunk


def database(path):
    db = sqlite3.connect(path)
    db.enable_load_extension(True)
    sqlite_vec.load(db)
    db.enable_load_extension(False)
    return db


def index(path, files):
    db = database(path)
    found = [(str(file), chunk) for file in files for chunk in chunks(Path(file).read_text(encoding="utf-8"))]
    width = len(embed(["a"], "document")[0])
    db.execute("drop table if exists chunks")
    db.execute("drop table if exists vectors")
    db.execute("create table chunks (id integer primary key, file text, content text)")
    db.execute(f"create virtual table vectors using vec0(embedding float[{width}] distance_metric=cosine)")
    for at in range(0, len(found), BATCH):
        batch = found[at : at + BATCH]
        for (file, chunk), vector in zip(batch, embed([chunk for _, chunk in batch], "document")):
            row = db.execute("insert into chunks (file, content) values (?, ?)", (file, chunk)).lastrowid
            db.execute("insert into vectors (rowid, embedding) values (?, ?)", (row, sqlite_vec.serialize_float32(vector)))
    db.commit()
    print(f"{len(found)} pieces of {len(files)} files")


def rank(question, found, top):
    """The pieces that answer the question best, by a model that reads both together."""
    if not RERANK_MODEL:
        return found[:top]
    body = {"model": RERANK_MODEL, "query": question, "documents": [content for _, content in found], "top_n": top}
    answer = texts.post("/rerank", body=body, cast_to=object)
    return [found[result["index"]] for result in answer["results"]]


def ask(path, question):
    (vector,) = embed([question], "query")
    found = database(path).execute(
        "select file, content from vectors join chunks on chunks.id = vectors.rowid where embedding match ? and k = 20 order by distance",
        (sqlite_vec.serialize_float32(vector),),
    )
    best = rank(question, found.fetchall(), 4)
    sources = "\n\n".join(f"[{file}]\n{content}" for file, content in best)
    prompt = f"Answer from these texts alone, and name their files.\n\n{sources}\n\nQuestion: {question}"
    answer = chat.chat.completions.create(model=CHAT_MODEL, messages=[{"role": "user", "content": prompt}], stream=True)
    for chunk in answer:
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
    print("\n\n" + "\n".join(dict.fromkeys(file for file, _ in best)))


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in ("index", "ask"):
        sys.exit(__doc__)
    if sys.argv[1] == "index":
        index(sys.argv[2], sys.argv[3:])
    else:
        ask(sys.argv[2], " ".join(sys.argv[3:]))
