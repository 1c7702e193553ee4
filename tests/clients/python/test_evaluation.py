"""lm-eval's models local-completions and local-chat-completions."""
import json
import math
import os
import unittest

from server import ANSWER, KEY, MODEL, QUESTION, ClientTest

os.environ["OPENAI_API_KEY"] = KEY


class LmEval(ClientTest):
    def instances(self, kind, arguments):
        from lm_eval.api.instance import Instance

        return [Instance(request_type=kind, doc={}, arguments=a, idx=i) for i, a in enumerate(arguments)]

    def completions(self, **more):
        from lm_eval.models.openai_completions import LocalCompletionsAPI

        return LocalCompletionsAPI(
            model=MODEL,
            base_url=self.base_url + "/completions",
            tokenizer_backend="remote",
            auth_token=KEY,  # of the tokenizer's requests
            header={"Authorization": f"Bearer {KEY}"},
            max_length=256,
            batch_size=4,
            num_concurrent=2,
            **more,
        )

    def test_likelihoods_of_token_arrays_and_of_texts(self):
        pairs = [("The capital of France is", " Paris."), ("The capital of France is", " a drum."), ("Once", " upon")]
        told = {}
        for tokenized in (True, False):
            model = self.completions(tokenized_requests=tokenized)
            told[tokenized] = model.loglikelihood(self.instances("loglikelihood", pairs))
        for (by_tokens, greedy), (by_text, also_greedy) in zip(told[True], told[False]):
            self.assertAlmostEqual(by_tokens, by_text, places=3)
            self.assertEqual(greedy, also_greedy)
        self.assertGreater(told[True][0][0], told[True][1][0], "Paris is likelier than a drum")

    def test_rolling_likelihood(self):
        text = "Once upon a time there was a little boat. " * 40  # longer than a window
        model = self.completions(tokenized_requests=True)
        (likelihood,) = model.loglikelihood_rolling(self.instances("loglikelihood_rolling", [(text,)]))
        self.assertTrue(math.isfinite(likelihood) and likelihood < 0)

    def test_generation(self):
        model = self.completions(tokenized_requests=True)
        options = {"until": ["."], "max_gen_toks": 12, "temperature": 0}
        texts = model.generate_until(self.instances("generate_until", [("Once upon", options)] * 6))
        self.assertEqual(len(set(texts)), 1)
        self.assertNotIn(".", texts[0])

    def test_chats(self):
        from lm_eval.models.api_models import JsonChatStr
        from lm_eval.models.openai_completions import LocalChatCompletion

        model = LocalChatCompletion(model=MODEL, base_url=self.base_url + "/chat/completions", num_concurrent=2)
        chat = JsonChatStr(json.dumps([{"role": "user", "content": QUESTION}]))
        options = {"until": ["\n\n"], "max_gen_toks": 40, "temperature": 0}
        self.assertEqual(model.generate_until(self.instances("generate_until", [(chat, options)] * 3)), [ANSWER] * 3)


if __name__ == "__main__":
    unittest.main()
