// Ferrum in a program of one's own: several requests at once, one of them streamed, one of them cancelled.
#include <ferrum/engine.h>

#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace {

struct Answer {
  std::string text;
  std::string error;  // empty: none
  ferrum::FinishEvent end;
};

using OnText = std::function<void(const std::string&)>;

// Reads a request's events up to the last. `on_text` is called with each piece of text as it comes.
Answer read(ferrum::EventStream& events, const OnText& on_text = {}) {
  Answer answer;
  while (const std::optional<ferrum::Event> event = events.next()) {
    if (const auto* piece = std::get_if<ferrum::TextEvent>(&*event)) {
      answer.text += piece->text;
      if (on_text) on_text(piece->text);
    } else if (const auto* end = std::get_if<ferrum::FinishEvent>(&*event)) {
      answer.end = *end;
    } else if (const auto* error = std::get_if<ferrum::ErrorEvent>(&*event)) {
      answer.error = error->message + " [" + error->code + "]";
    }
  }
  return answer;
}

ferrum::Request chat(const std::string& question) {
  ferrum::Request request;
  request.prompt = ferrum::ChatPrompt{.messages = {{"user", question}}, .template_options = {}};
  request.sampling.temperature = 0;
  request.max_tokens = 200;
  return request;
}

std::string how_it_ended(const Answer& answer) {
  if (!answer.error.empty()) return "error: " + answer.error;
  const ferrum::Usage& usage = answer.end.usage;
  return std::to_string(usage.prompt_tokens) + " prompt tokens, " + std::to_string(usage.cached_tokens) +
         " of them cached; " + std::to_string(usage.generated_tokens) + " generated, the first after " +
         std::to_string(usage.prompt_seconds) + " s" +
         (answer.end.reason == ferrum::FinishReason::kCancelled ? "; cancelled" : "");
}

void ask_together(ferrum::Engine& engine) {
  // Any thread may submit and read. Concurrent requests are computed in the same steps.
  const std::vector<std::string> questions = {"What is 7 + 5?", "What is the capital of France?"};
  std::vector<Answer> answers(questions.size());
  std::vector<std::jthread> clients;
  for (size_t i = 0; i < questions.size(); ++i)
    clients.emplace_back([&, i] { answers[i] = read(*engine.submit(chat(questions[i]))); });

  // submit() returns at once, so one thread may have several requests on their way as well.
  const auto wanted = engine.submit(chat("Write a short story about a little boat."));
  const auto unwanted = engine.submit(chat("Write a short story about a fox."));

  // Cancelled at its first piece of text. The last event still comes, with what was used until then.
  const Answer cut_short = read(*unwanted, [&](const std::string&) { unwanted->cancel(); });
  const Answer story = read(*wanted, [](const std::string& piece) { std::cout << piece << std::flush; });
  for (std::jthread& client : clients) client.join();

  std::cout << "\n\n";
  for (size_t i = 0; i < questions.size(); ++i)
    std::cout << questions[i] << " " << answers[i].text << "\n  " << how_it_ended(answers[i]) << "\n";
  std::cout << "The story above\n  " << how_it_ended(story) << "\n";
  std::cout << "Another story\n  " << how_it_ended(cut_short) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: embed MODEL\n";
    return 2;
  }
  try {
    ferrum::EngineOptions options;
    options.model = argv[1];
    options.max_context = 512;    // tokens of one sequence
    options.max_sequences = 4;    // computed together
    options.kv_tokens = 4 * 512;  // room for all four; with less some would wait for others
    const std::unique_ptr<ferrum::Engine> engine = ferrum::Engine::load(options);

    ask_together(*engine);

    const ferrum::EngineStats stats = engine->stats();
    std::cout << stats.steps << " steps for " << stats.prompt_tokens << " prompt tokens and "
              << stats.generated_tokens << " generated ones\n";
  } catch (const std::exception& e) {  // a file or an option; a request's mistakes come as ErrorEvents
    std::cerr << "embed: " << e.what() << "\n";
    return 1;
  }
}
