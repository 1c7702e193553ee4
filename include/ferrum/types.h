// The data types of the public interface: requests and the events that answer them.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ferrum {

// Requests ----

struct ChatMessage {
  std::string role;     // "system", "user", "assistant", "tool"
  std::string content;  // plain text: control tokens spelled in it are not recognised
  std::string name{};   // of the author or the tool, for templates that show it; empty: none
  // Tools that an assistant called: a JSON array as OpenAI's API has it, [{"id", "type": "function",
  // "function": {"name", "arguments"}}], where arguments are JSON text; empty: none.
  std::string tool_calls{};
  std::string tool_call_id{};  // of a tool's message: the id of the call that it answers; empty: none
  // What an assistant thought before this message, without the marks, for templates that show it; empty:
  // nothing.
  std::string reasoning{};
};

// The functions that a model may call.
struct ToolUse {
  // kNone: the model sees them, and what it writes is text. kRequired: the answer is calls, behind at most a
  // thought.
  enum class Choice { kNone, kAuto, kRequired };

  // A JSON array as OpenAI's API has it, [{"type": "function", "function": {"name", "description",
  // "parameters"}}], where parameters are a JSON schema; empty: no functions.
  std::string functions;
  Choice choice = Choice::kAuto;
  std::string only;      // with kRequired: the one function that is called; empty: any
  bool parallel = true;  // an answer may have several calls
};

// A conversation, rendered with the model's chat template.
struct ChatPrompt {
  std::vector<ChatMessage> messages;
  std::string template_options;  // a JSON object of further template variables, e.g. {"enable_thinking":
                                 // false}; or empty
  // kContinued: the answer continues the last message, which is an assistant's. Events do not repeat it.
  // kClosed: the prompt ends after the last message; the template does not begin an answer.
  enum class LastMessage { kAnswered, kContinued, kClosed } last_message = LastMessage::kAnswered;
  // Calls are written as functions' schemas demand from the moment one begins. Where the template does not
  // show tools, the system's message says which there are.
  ToolUse tools{};
};

// Text that the model continues as it stands: the caller writes the whole prompt.
struct TextPrompt {
  std::string text;
  // kRecognised: where the text spells a control token of the vocabulary, such as <|im_end|>, the model reads
  // that token. kText: it reads the spelling as any other text; for text from untrusted sources.
  enum class ControlTokens { kRecognised, kText } control_tokens = ControlTokens::kRecognised;
  // kAdded: what the vocabulary puts around a text, BOS in most cases, is added, unless the text begins with
  // BOS already.
  enum class Bos { kAdded, kOmitted } bos = Bos::kAdded;
};

struct TokenPrompt {
  std::vector<int32_t> ids;
};

// Tokens and embedding vectors side by side, for a model that serves as the backbone of another: an encoder
// of images or sounds gives the vectors.
struct MixedPrompt {
  // A run of tokens, or one of vectors: [positions, ModelInfo::hidden], row-major, at the scale of the
  // model's own embeddings as its published implementation takes `inputs_embeds`.
  struct Part {
    std::vector<int32_t> ids;
    std::vector<float> vectors;
  };
  std::vector<Part> parts;
};

using Prompt = std::variant<ChatPrompt, TextPrompt, TokenPrompt, MixedPrompt>;

// How the next token is drawn. In this order: logit bias; repetition, presence, frequency and DRY penalties;
// temperature; top-k; typical; top-p; min-p; XTC. With mirostat it takes the place of all after temperature.
// The formulas and their sources stand in engine/sampling/.
struct SamplingOptions {
  // Added to tokens' logits, by id: from −100 to 100, or −infinity for tokens that are never drawn.
  std::map<int32_t, float> logit_bias;

  float repetition_penalty = 1.0f;  // [0.01, 100]; 1: off
  int repetition_window = 64;       // last tokens, of prompt and answer, that the penalty looks at; -1: all
  float presence_penalty = 0;       // [-2, 2]; 0: off; for tokens that the answer has
  float frequency_penalty = 0;      // [-2, 2]; 0: off; times how often the answer has them
  // Don't repeat yourself: against repetitions of what stands in prompt and answer.
  float dry_multiplier = 0;    // [0, 100]; 0: off
  float dry_base = 1.75f;      // [1, 10]
  int dry_allowed_length = 2;  // ≥ 1: tokens that may be repeated for nothing
  int dry_window = -1;         // last tokens that it looks at; -1: all
  // No repetition reaches over a token whose text contains one of these.
  std::vector<std::string> dry_breakers = {"\n", ":", "\"", "*"};

  float temperature = 0.8f;      // [0, 100]; 0: always the most likely token
  int top_k = 40;                // ≥ 0; 0: off
  float typical_p = 1.0f;        // (0, 1]; 1: off
  float top_p = 0.95f;           // (0, 1]; 1: off
  float min_p = 0.05f;           // [0, 1]; 0: off
  float xtc_probability = 0;     // [0, 1]; 0: off; how often the likeliest tokens are left out
  float xtc_threshold = 0.1f;    // [0, 1]; from which probability, all but the last of them
  int mirostat = 0;              // 0: off; 1 or 2: its version
  float mirostat_tau = 5.0f;     // [0, 100]: surprise aimed at, bits per token
  float mirostat_eta = 0.1f;     // [0, 1]: how fast
  std::optional<uint64_t> seed;  // same seed, same model, same backend: same text
};

// What an answer, behind a thought, may be. Exact: a text that breaks the rule cannot come; an answer that
// is cut short is the beginning of one that keeps it. What cannot be followed exactly is refused with the
// keyword's name (docs/grammars.md).
struct AnswerRule {
  enum class Kind {
    kJsonObject,
    kJsonSchema,  // `source`: a JSON schema
    kRegex,       // the whole answer is one match
    kGrammar,     // `source`: GBNF
    kChoices,     // one of `choices`
  };

  Kind kind = Kind::kJsonObject;
  std::string source{};
  std::vector<std::string> choices{};
  bool compact = false;  // JSON without white space; otherwise at most 32 characters of it in a gap
};

struct Request {
  Prompt prompt;
  SamplingOptions sampling;
  std::optional<AnswerRule> rule{};  // beside tools: the answer keeps the rule, or is calls
  // kText: the answer's text as it is, in TextEvents. kParts: PartEvents instead, with thoughts and calls
  // apart. kCalls: the same, where thoughts are content.
  enum class AnswerAs { kText, kParts, kCalls } answer_as = AnswerAs::kText;
  int choices = 1;  // answers to the prompt, sampled independently
  // Generates this many answers and, when all have finished, returns the `choices` with the highest mean
  // token log probability, best first. 0: generates only `choices` answers and streams them.
  int best_of = 0;
  int priority = 0;             // higher ones are served first
  double deadline_seconds = 0;  // from being submitted to the last token; 0: none
  std::string cache_salt;       // the prefix cache is shared only among requests with the same salt
  // A LoRA adapter by its name (Engine::load_adapter); "": none. What it adds counts adapter_scale times.
  std::string adapter;
  float adapter_scale = 1;  // ±1000 at most
  int max_tokens = -1;      // -1: until the model stops or the context is full
  // The most tokens of each answer that may be thoughts, which a model writes between marks such as <think>
  // and
  // </think> before it answers. Once they are spent, the closing mark is what comes, whatever the model would
  // say. -1: no limit.
  int max_thought_tokens = -1;
  // Stop tokens cannot be sampled before the answer has this many tokens, and a stop string does not count
  // that is complete within them.
  int min_tokens = 0;
  std::vector<std::string> stop;     // the answer ends before the first of these, which is not part of it
  std::vector<int32_t> stop_tokens;  // additional stop tokens; they add no text to the answer
  // kIgnored: the model's own stop tokens can never be drawn, but for those that this request names.
  enum class EndOfText { kStops, kIgnored } end_of_text = EndOfText::kStops;
  // kFinishes: the answer ends when the context is full. kShifts: half of the tokens after the first
  // `keep_tokens` are dropped, the rest is recomputed, and the answer continues; repeated as needed.
  enum class ContextEnd { kFinishes, kShifts } context_end = ContextEnd::kFinishes;
  // Prompt tokens that a shift never drops, as far as the context allows. The first tokens are attention
  // sinks: without them the output degrades (Xiao et al. 2023, arXiv 2309.17453).
  int keep_tokens = 4;
  std::optional<int> logprobs;  // 0 to 20: sends a TokenEvent per token with this many alternatives
  // Which hidden states behind the model's last norm are sent, as HiddenEvents. kDrawn: those that the
  // answer's tokens are drawn from. kAll: those of every position of the prompt as well, which then bypasses
  // the prefix cache.
  enum class HiddenStates { kNone, kDrawn, kAll } hidden_states = HiddenStates::kNone;
  // 0 to 20: sends a PromptEvent with this many alternatives per token. The prompt then bypasses the prefix
  // cache. With max_tokens 0 nothing is generated.
  std::optional<int> prompt_logprobs;
};

// Texts that a model reads as a whole ----

// Two texts that a model reads together: a query and a document.
struct TextPair {
  std::string first;
  std::string second;
};

// What a model makes of texts: an encoder's or a decoder's embeddings, or a classifier's scores.
struct TextRequest {
  // kEmbeddings: one vector each, as the model's files say. kScores: those of the model's labels, through the
  // function that its files name, else the logistic function of one label and the softmax of several.
  // kLogits: the same without the function. kStates: the hidden states behind the last norm of all tokens.
  enum class Result { kEmbeddings, kScores, kLogits, kStates } result = Result::kEmbeddings;
  using Text = std::variant<std::string, TextPair, TokenPrompt>;  // ready tokens are read as they are
  std::vector<Text> texts;
  // The prompt that comes before strings, by its name in the model's files; empty: the default one, if there
  // is one. Of a model that reads pairs with an instruction: see `instruction`.
  std::string prompt_name;
  // What a model that reads an instruction shall do with a pair; empty: what it was made for.
  std::string instruction;
  int dimensions = 0;  // of an embedding: the first ones, normalised again; 0: all
  // kAsModel: as the model's files say.
  enum class Normalize { kAsModel, kNever, kAlways } normalize = Normalize::kAsModel;
  // kRefused: a text that is too long is an error; kCut: it loses its end, and of a pair the longer text does
  // first.
  enum class TooLong { kRefused, kCut } too_long = TooLong::kRefused;
  int most_tokens = 0;          // of a text, with the tokens around it; 0: as many as the model reads
  double deadline_seconds = 0;  // from being submitted to the last result; 0: none
};

// Events ----

// `choice` counts the answers to one request from 0.

struct TextEvent {
  int choice = 0;
  std::string text;          // whole characters
  int generated_tokens = 0;  // of this choice so far
};

// A part of the answer, in place of TextEvents (Request::answer_as). What is neither call nor thought is
// content, byte for byte, except for marks, spaces beside them, and the beginning of a call cut by a limit.
struct PartEvent {
  enum class Kind {
    kContent,
    kReasoning,
    kCallBegin,  // call `index` begins, with `id` and `name`
    kArguments,  // `text` goes on with the JSON text of call `index`'s arguments
    kCallEnd,    // call `index` is over; `complete`: its arguments are a whole JSON object
  };

  int choice = 0;
  Kind kind = Kind::kContent;
  int index = 0;  // of the call: 0, 1, …
  std::string id{};
  std::string name{};
  std::string text{};  // whole characters; never empty for content, thoughts and arguments
  bool complete = true;
  int generated_tokens = 0;  // of this choice so far
};

// A token's probability under the model, before logit bias, penalties, temperature and the other samplers.
struct TokenChance {
  int32_t id = 0;
  std::string bytes;  // what it adds to a text, not always whole characters; a control token's spelling
  float logprob = 0;  // natural logarithm
};

// Sent if Request::logprobs is set, before the event that completes the token's text. Not sent for the
// token that ends the answer, nor for tokens that are part of a matched stop string.
struct TokenEvent {
  int choice = 0;
  TokenChance token;
  std::vector<TokenChance> top;  // the most likely first; the token itself may be among them
};

struct PromptToken {
  TokenChance token;             // the first token has no context: its logprob is NaN
  std::vector<TokenChance> top;  // the most likely first; the token itself may be among them
};

// The whole prompt. Sent if Request::prompt_logprobs is set, once for all choices, before every other
// event.
struct PromptEvent {
  std::vector<PromptToken> tokens;
};

// Sent if Request::hidden_states asks for it, position after position, before the events of the token that is
// drawn from the state. The prompt's are those of choice 0; what other choices share with it is not sent
// again.
struct HiddenEvent {
  int choice = 0;
  int position = 0;           // whose state it is; from 0
  std::vector<float> values;  // [ModelInfo::hidden]
};

// What a model made of a text of a TextRequest. They come in any order.
struct TextResultEvent {
  size_t text = 0;            // its place in the request
  int rows = 1;               // of TextRequest::Result::kStates: as many as tokens
  std::vector<float> values;  // [rows, width]
  int tokens = 0;             // that the model read
  bool was_cut = false;       // the text was too long
};

enum class FinishReason {
  kStop,       // the model ended its answer, or a stop string matched
  kMaxTokens,  // max_tokens were generated
  kContext,    // the context was full before that
  kCancelled,
};

// The resources used by a choice. Its timeline: submitted, admitted, first token, last token, finished.
struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt: prefix cache hits
  int generated_tokens = 0;
  int reasoning_tokens = 0;   // of those: between <think> and </think>, these included
  int drafted_tokens = 0;     // proposed by speculation
  int accepted_tokens = 0;    // of those: accepted
  int shifted_tokens = 0;     // dropped from the full context (Request::ContextEnd)
  int preemptions = 0;        // how often it was evicted from the batch and later recomputed
  double queue_seconds = 0;   // submitted to first admitted, or to the end if never admitted
  double prompt_seconds = 0;  // submitted to first token, queue_seconds included; 0 without one
  double decode_seconds = 0;  // first token to last, waits after preemptions included
  double total_seconds = 0;   // submitted to its end
};

struct FinishEvent {
  int choice = 0;
  FinishReason reason = FinishReason::kStop;
  std::string stop;  // the stop string that matched, if one did
  Usage usage;
};

// Why a prompt was refused that does not fit. In tokens.
struct ContextOverflow {
  int prompt = 0;
  int max_tokens = -1;  // of the request; -1: none
  int context = 0;      // prompt and answer together
};

struct ErrorEvent {
  std::string code;  // stable: "bad_argument", "context_full", …
  std::string message;
  std::optional<ContextOverflow> overflow{};  // with "context_full"
  std::string function{};                     // with "bad_tools": whose schema is refused; empty: not known
};

using Event = std::variant<TextEvent, PartEvent, TokenEvent, PromptEvent, HiddenEvent, TextResultEvent,
                           FinishEvent, ErrorEvent>;

}  // namespace ferrum
